import { afterAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { respond, silence } from '../support/oauth/answers.ts';
import {
  expectHealed,
  expectKept,
  loginsOf,
  RefreshStages,
  triesIn,
} from '../support/oauth/refresh-fault-row.ts';
import { expectEchoed, onStage, STATES } from '../support/oauth/refresh-fault-stage.ts';

const stages = new RefreshStages({}, 3);
afterAll(() => stages.close());

describe.concurrent('a token endpoint that is slow', () => {
  it('makes those wait who have no token, and nobody else for long', async () => {
    await stages.use(async (stage) => {
      await Promise.all(STATES.map((state) => stage.makeDue(state)));
      const before = await stage.files();
      const logins = await loginsOf(stage);
      let answer = () => {};
      const held = new Promise<void>((resolve) => {
        answer = resolve;
      });
      await stage.set({
        answer: async (right) => {
          const tokens = await right();
          await held;
          return tokens;
        },
      });
      const over: string[] = [];
      const waiting = (['expired', 'refused'] as const).map(async (state) => {
        expectEchoed(await stage.call(state));
        over.push(state);
      });
      // These have their answers while the endpoint has not given any.
      expectEchoed(await stage.call('valid'));
      expectEchoed(await stage.call('other'));
      expect(over).toEqual([]);
      answer();
      await Promise.all(waiting);
      await Promise.all(STATES.map((state) => expectHealed(stage, state, logins[state])));
      expectKept(await stage.files(), before);
      for (const state of STATES) {
        expect(stage.sides[state].server.seen.reused, state).toEqual([]);
      }
      await stage.set({});
    });
  });

  it('does not hold up the end of the program', async () => {
    // Its program ends: nobody else can use this one.
    await onStage({}, async (stage) => {
      await stage.makeDue('expired');
      await stage.set({ answer: silence });
      const before = await stage.files();
      stage.call('expired').catch(() => undefined);
      const { seen } = stage.sides.expired.endpoint;
      await waitFor(() => seen.length === 1, { what: 'the refresh' });
      expect(await stage.client.close()).toMatchObject({ code: 0, signal: null, killed: false });
      expect(await stage.files()).toEqual(before);
    });
  });
});

describe.concurrent('a token endpoint that stays down', () => {
  it('is asked less and less often, and anew when it is well', async () => {
    await stages.use(async (stage) => {
      await stage.makeDue('expired');
      const { expired: login } = await loginsOf(stage);
      const { endpoint } = stage.sides.expired;
      const first = endpoint.seen.length;
      await stage.set({ answer: () => respond(500) });
      const started = performance.now();
      while (performance.now() - started < 3500) {
        expect((await stage.call('expired')).error?.['data']).toMatchObject({
          code: 'REFRESH_FAILED',
        });
      }
      const asked = endpoint.seen.slice(first).map(({ at }) => at);
      expect(asked.length).toBeGreaterThan(1);
      expect(asked.length).toBeLessThanOrEqual(triesIn(performance.now() - started));
      const pauses = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
      for (const [index, pause] of pauses.entries()) {
        expect(pause).toBeGreaterThan(1000 * 2 ** index - 50);
      }
      await stage.set({});
      await expectHealed(stage, 'expired', login);
    });
  });
});
