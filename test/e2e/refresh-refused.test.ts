import { expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { changed } from '../support/oauth/answers.ts';
import { call } from '../support/oauth/refresh-hold.ts';
import { createRefreshStage, storedExpiry } from '../support/oauth/refresh-stage.ts';

const ANSWERED = { result: expect.anything() };
const LIFE_SECONDS = 8;

it('a token that was taken for half of its life is renewed when it is refused, though the one before was refused, too', async () => {
  const { home, provider, relay, entry } = await createRefreshStage({ accessTokenSeconds: 3600 });
  relay.intercept(async (_, pass) => changed(await pass(), { expires_in: LIFE_SECONDS }));
  await home.configure({ api: entry });
  expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
  const client = await home.serve();
  expect(await call(client)).toEqual(ANSWERED);
  for (let refused = 0; refused < 3; refused += 1) {
    await provider.expireAccessTokens();
    expect(await call(client)).toEqual(ANSWERED);
    expect(await call(client)).toEqual(ANSWERED);
    const end = storedExpiry(home, 'api') ?? Number.POSITIVE_INFINITY;
    await waitFor(() => Date.now() > end - (LIFE_SECONDS / 2) * 1000, { what: 'half of the life' });
  }
});
