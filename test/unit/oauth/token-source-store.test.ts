import { describe, expect, it, vi } from 'vitest';
import { McpMasterError } from '../../../src/errors.ts';
import type { RenewalDeps } from '../../../src/oauth/renewer.ts';
import type { StoredLogin } from '../../../src/oauth/store/stored-login.ts';
import { TokenSource } from '../../../src/oauth/token-source.ts';
import type { TokenSet } from '../../../src/oauth/tokens/token-set.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { KEY, memoryLogins, someLogin } from '../../support/stored-login.ts';

const HOUR = 3_600_000;
const LOCKED = new McpMasterError('KEYCHAIN_LOCKED', 'locked');

function createSource(more: Partial<RenewalDeps> = {}) {
  const world = memoryLogins();
  const clock = { now: HOUR };
  const sent: (string | undefined)[] = [];
  const renew = async ({ tokens }: StoredLogin): Promise<TokenSet> => {
    sent.push(tokens.refreshToken);
    const names = { accessToken: `access ${sent.length}`, refreshToken: `refresh ${sent.length}` };
    return { ...tokens, ...names, obtainedAt: clock.now, expiresAt: clock.now + HOUR };
  };
  const deps: RenewalDeps = {
    ...{ logins: world.logins, renew, now: () => clock.now, log: memoryLog().log },
    ...{ onRenewed: () => undefined, onObtained: vi.fn(), onFailed: () => undefined },
    revoke: vi.fn(async (_: StoredLogin) => true),
    ...more,
  };
  const another = () => new TokenSource(KEY, deps);
  /** Calls back once, before the store writes what is not the rehearsal. */
  const beforeWrite = (callback: () => Promise<void>) => {
    const write = world.keychain.write.bind(world.keychain);
    world.keychain.write = async (account, value) => {
      if (account === KEY.account) {
        world.keychain.write = write;
        await callback();
      }
      await write(account, value);
    };
  };
  return { ...world, clock, sent, deps, another, beforeWrite, source: another() };
}

describe('TokenSource, and a store that is slow or fails', () => {
  it('spends nothing that the store would not take the successor of', async () => {
    const { source, logins, keychain, sent } = createSource();
    await logins.save(KEY, someLogin());
    const { write } = keychain;
    keychain.write = () => Promise.reject(LOCKED);
    await expect(source.accessToken()).rejects.toMatchObject({ code: 'KEYCHAIN_LOCKED' });
    expect(sent).toEqual([]);
    keychain.write = write;
    await source.renewNow();
    expect((await logins.read(KEY))?.tokens.refreshToken).toBe('refresh 1');
  });

  it('does not touch the login of another process while it rehearses', async () => {
    const world = createSource();
    await world.logins.save(KEY, someLogin());
    const { keychain } = world;
    const rehearse = keychain.rehearse.bind(keychain);
    keychain.rehearse = async (length) => {
      keychain.rehearse = rehearse;
      world.locks.loseAll();
      await world.another().accessToken();
      await rehearse(length);
    };
    expect(await world.source.accessToken()).toBe('access 1');
    expect((await world.logins.read(KEY))?.tokens.refreshToken).toBe('refresh 1');
    expect(world.sent).toEqual(['refresh-1']);
  });

  it('undoes no login that was made while the store was slow', async () => {
    const world = createSource();
    await world.logins.save(KEY, someLogin());
    const tokens = { ...someLogin().tokens, accessToken: 'of the person', expiresAt: 9 * HOUR };
    const read = world.keychain.read.bind(world.keychain);
    let reads = 0;
    world.keychain.read = async (accounts) => {
      const found = await read(accounts);
      reads += 1;
      // First when it is needed, then under the lock, then before it is replaced.
      if (reads !== 3) return found;
      world.locks.loseAll();
      await world.logins.save(KEY, someLogin({ tokens }));
      return found;
    };
    expect(await world.source.accessToken()).toBe('of the person');
    expect((await world.logins.read(KEY))?.tokens.accessToken).toBe('of the person');
  });

  it('undoes no logout that was made while the store was writing', async () => {
    const world = createSource();
    await world.logins.save(KEY, someLogin());
    world.beforeWrite(async () => {
      world.locks.loseAll();
      await world.logins.remove(KEY);
    });
    expect(await world.source.accessToken()).toBeUndefined();
    // Who has logged out believes that no token is left.
    const [revoked] = vi.mocked(world.deps.revoke).mock.calls[0] ?? [];
    expect(revoked?.tokens.refreshToken).toBe('refresh 1');
    expect(world.keychain.items.has(KEY.account)).toBe(false);
    expect(world.index.get(KEY.file)).toBeUndefined();
  });

  it('says so when what was renewed on request is not saved, and saves it at the end', async () => {
    const world = createSource();
    await world.logins.save(KEY, someLogin());
    world.beforeWrite(() => Promise.reject(LOCKED));
    await expect(world.source.renewNow()).rejects.toMatchObject({ code: 'KEYCHAIN_LOCKED' });
    await world.source.settled();
    expect((await world.logins.read(KEY))?.tokens.refreshToken).toBe('refresh 1');
  });

  it('keeps no call with a good token waiting while it saves', async () => {
    const world = createSource();
    await world.logins.save(KEY, someLogin());
    world.beforeWrite(() => Promise.reject(LOCKED));
    expect(await world.source.accessToken()).toBe('access 1');
    world.beforeWrite(() => new Promise(() => {}));
    world.clock.now += 5000;
    expect(await world.source.accessToken()).toBe('access 1');
  });

  it('does not save again what the server has rejected', async () => {
    const world = createSource();
    await world.logins.save(KEY, someLogin());
    world.beforeWrite(() => Promise.reject(LOCKED));
    await world.source.accessToken();
    world.deps.renew = async () => {
      throw new McpMasterError('REFRESH_REJECTED', 'invalid_grant');
    };
    world.clock.now += HOUR;
    await expect(world.source.accessToken()).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' });
    world.clock.now += HOUR;
    await world.source.settled();
    expect((await world.logins.read(KEY))?.tokens.refreshToken).toBeUndefined();
  });

  it.each(['is gone', 'is damaged'])(
    'gets another login without a person when the item %s',
    async (how) => {
      const obtain = vi.fn(async () => someLogin());
      const world = createSource({ obtain });
      await world.logins.save(KEY, someLogin());
      if (how === 'is gone') world.keychain.items.delete(KEY.account);
      else world.keychain.damaged.add(KEY.account);
      world.clock.now = 0;
      const reading = world.source.accessToken();
      if (how === 'is damaged') await vi.waitFor(() => expect(obtain).toHaveBeenCalledOnce());
      world.keychain.damaged.clear();
      expect(await reading).toBe('access-1');
      expect(obtain).toHaveBeenCalledOnce();
      expect(world.deps.onObtained).toHaveBeenCalledOnce();
    },
  );
});
