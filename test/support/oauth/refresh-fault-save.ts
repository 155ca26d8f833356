import { expect } from 'vitest';
import { ALL_WELL, expectHealed, expectKept, loginsOf, type Trouble } from './refresh-fault-row.ts';
import { expectEchoed, healed, type RefreshStage, STATES } from './refresh-fault-stage.ts';

/**
 * The store can't be written from the moment when new tokens are on their way: they are used all the same, since
 * those that are stored are spent; and they are stored as soon as that can be done, by the way of a call.
 */
export async function expectSavedLater(
  stage: RefreshStage,
  { begin, end }: Pick<Trouble, 'begin' | 'end'>,
): Promise<void> {
  await Promise.all(STATES.map((state) => stage.makeDue(state)));
  const [before, logins] = [await stage.files(), await loginsOf(stage)];
  await whenAllAsk(stage, () => begin(stage));
  const names = [...STATES, 'other' as const];
  await Promise.all(names.map(async (name) => expectEchoed(await stage.call(name))));
  const asked = askedSoFar(stage);
  for (let calls = 0; calls < 5; calls += 1) {
    for (const state of STATES) expectEchoed(await stage.call(state));
  }
  const sent = sentLast(stage);
  for (const state of STATES) {
    expect(sent[state], state).not.toBe(`Bearer ${logins[state].tokens.accessToken}`);
  }
  await end(stage);
  // Nothing of it was stored so far.
  expect(await stage.files()).toEqual(before);
  expect(await loginsOf(stage)).toEqual(logins);
  const isSaved = async (state: (typeof STATES)[number]) => {
    return (await stage.atRest.login(state))?.revision !== logins[state].revision;
  };
  await Promise.all(
    STATES.map((state) =>
      healed(
        () => stage.call(state),
        () => isSaved(state),
      ),
    ),
  );
  const saved = await loginsOf(stage);
  for (const state of STATES) {
    expect(sent[state], state).toBe(`Bearer ${saved[state].tokens.accessToken}`);
  }
  expect(askedSoFar(stage)).toEqual(asked);
  expectKept(await stage.files(), before);
  expect(await stage.needy()).toEqual([]);
  expect(await stage.states()).toMatchObject(ALL_WELL);
  stage.expectNoSecrets();
  await stage.set({});
  await expectUsable(stage);
}

/** All three refreshes are answered as they should be, but only when something has happened meanwhile. */
async function whenAllAsk(stage: RefreshStage, happen: () => Promise<void>): Promise<void> {
  let asking = 0;
  let go: (happened: Promise<void>) => void = () => {};
  const happened = new Promise<void>((resolve) => {
    go = resolve;
  });
  await stage.set({
    answer: async (right) => {
      const answer = await right();
      asking += 1;
      if (asking === STATES.length) go(happen());
      await happened;
      return answer;
    },
  });
}

function askedSoFar({ sides }: RefreshStage): number[] {
  return STATES.map((state) => sides[state].endpoint.seen.length);
}

function sentLast({ sides }: RefreshStage): Record<string, string | undefined> {
  const last = STATES.map((state) => {
    return [state, sides[state].server.resource.requests.at(-1)?.authorization] as const;
  });
  return Object.fromEntries(last);
}

/** What is stored is what counts: this process can renew it, and so can another one. */
async function expectUsable(stage: RefreshStage): Promise<void> {
  await Promise.all(STATES.map((state) => stage.makeDue(state)));
  const logins = await loginsOf(stage);
  await Promise.all(STATES.map((state) => expectHealed(stage, state, logins[state])));
  await stage.atRest.age('expired', -1000);
  const called = await stage.home.run(['call', 'expired', 'echo', '{"text":"x"}']);
  expect(called).toMatchObject({ code: 0 });
  for (const state of STATES) expect(stage.sides[state].server.seen.reused, state).toEqual([]);
}
