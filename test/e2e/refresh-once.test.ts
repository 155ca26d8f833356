import { expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { helperProcesses } from '../support/helper-processes.ts';
import { createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import { call, createHoldStage } from '../support/oauth/refresh-hold.ts';
import { startSecretService } from '../support/secret-service.ts';

it('thirty calls at once on a token that has expired cost one refresh', async () => {
  const stage = await createHoldStage();
  const { server } = stage;
  const client = await stage.startWorker('one');
  const held = await stage.holdNext((pass) => pass());
  const before = server.uses.length;
  const calls = Promise.all(Array.from({ length: 30 }, () => call(client)));
  await held.reached;
  held.release();
  const answers = await calls;
  expect(answers).toEqual(answers.map(() => ({ result: expect.anything() })));
  const [refresh, ...more] = held.refreshes();
  expect(more).toEqual([]);
  const used = server.uses.slice(before).map(({ token }) => token);
  expect(used).toEqual(answers.map(() => refresh?.issued?.accessToken));
  expect(server.requests.filter((request) => request.refused === 401)).toHaveLength(1);
});

it('a hundred calls with a good token ask nothing of the keychain', async (context) => {
  const keychain = await startSecretService(context);
  const home = await createAuthHome({ ...keychain.env, OAUTH_ENCRYPTION_KEY: undefined });
  const { entry, server } = await startPair();
  await home.configure({ api: entry });
  expect(await home.logIn(['api'])).toMatchObject({ last: { store: 'keychain' } });
  const client = await home.serve();
  const helpers = () => helperProcesses(keychain.env['HOME'] ?? '');
  expect(await call(client)).toEqual({ result: expect.anything() });
  await waitFor(() => helpers().length === 0, { deadline: 30_000, what: 'the end of the helper' });

  // Who asks now gets no answer, and a helper that stays.
  keychain.freeze();
  for (let round = 0; round < 10; round += 1) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => call(client)));
    expect(answers).toEqual(answers.map(() => ({ result: expect.anything() })));
    expect(helpers()).toEqual([]);
  }
  keychain.thaw();
  const calls = server.requests.filter(({ rpc }) => rpc === 'tools/call');
  expect(calls).toHaveLength(101);
  expect(new Set(calls.map(({ authorization }) => authorization)).size).toBe(1);
});
