import { describe, it, type TestContext } from 'vitest';
import { respond } from '../support/oauth/answers.ts';
import { expectHarmless, type RefreshFailure } from '../support/oauth/refresh-fault-row.ts';
import { expectSavedLater } from '../support/oauth/refresh-fault-save.ts';
import {
  createRefreshStage,
  expectEchoed,
  type RefreshStage,
} from '../support/oauth/refresh-fault-stage.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import { type SecretService, startSecretService } from '../support/secret-service.ts';

/** A stage whose logins are in a real Secret Service, which another program reads as well. */
async function keychainStage(context: TestContext) {
  const service = await startSecretService(context);
  const items = {
    write: (account: string, value: string) => service.store(account, value),
    async read(accounts: readonly string[]) {
      const found = accounts.map(
        async (account) => [account, await service.lookup(account)] as const,
      );
      return new Map(await Promise.all(found));
    },
  };
  const env = { ...service.env, OAUTH_ENCRYPTION_KEY: undefined };
  const stage = await untilTestEnds(createRefreshStage({ env, items }));
  return { stage, service };
}

/** How a keychain goes, and comes back with what was in it. */
interface Absence {
  go(service: SecretService): void | Promise<void>;
  come(service: SecretService): void | Promise<void>;
}

const ABSENCES: Record<string, Absence & RefreshFailure> = {
  locked: {
    go: (service) => service.lock(),
    come: async (service) => {
      await service.kill();
      await service.restart();
    },
    ...{ code: 'KEYCHAIN_LOCKED', message: /the keychain is locked/, hint: /^No display is known/ },
  },
  gone: {
    go: (service) => service.kill(),
    come: (service) => service.restart(),
    code: 'KEYCHAIN_UNAVAILABLE',
    ...{ message: /no keychain can be reached/, hint: /OAUTH_ENCRYPTION_KEY/ },
  },
};

/** Both at the same time: each waits for a long time. */
function forEachAbsence(
  work: (absence: Absence & RefreshFailure) => Promise<void>,
): Promise<unknown> {
  return Promise.all(Object.values(ABSENCES).map(work));
}

describe('a keychain that is locked, and one that is gone', () => {
  it('cost no refresh token', async (context) => {
    await forEachAbsence(async ({ go, come, ...failure }) => {
      const { stage, service } = await keychainStage(context);
      const begin = async () => {
        // A token that the program knows needs no keychain.
        await stage.set({ answer: () => respond(500) });
        expectEchoed(await stage.call('valid'));
        await stage.set({});
        await go(service);
      };
      const trouble = { begin, end: async () => come(service) };
      await expectHarmless(withoutItems(stage), trouble, failure, { status: true, calls: 5 });
    });
  });

  it('do not lose new tokens when they go as these come', async (context) => {
    await forEachAbsence(async ({ go, come }) => {
      const { stage, service } = await keychainStage(context);
      const trouble = { begin: async () => go(service), end: async () => come(service) };
      await expectSavedLater(stage, trouble);
    });
  });
});

/** The same without a look into the keychain, which is away. */
function withoutItems(stage: RefreshStage): RefreshStage {
  const files = async () => {
    const all = await stage.home.files();
    return new Map([...all].filter(([path]) => /^(config|state\/(logins|issuers))/.test(path)));
  };
  return { ...stage, files };
}
