import { describe, expect, it, vi } from 'vitest';
import { McpMasterError } from '../../../src/errors.ts';
import type { RenewalDeps } from '../../../src/oauth/renewer.ts';
import type { StoredLogin } from '../../../src/oauth/store/stored-login.ts';
import { TokenSource } from '../../../src/oauth/token-source.ts';
import type { TokenSet } from '../../../src/oauth/tokens/token-set.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { KEY, memoryLogins, someLogin } from '../../support/stored-login.ts';

const HOUR = 3_600_000;

function createSource(refresh?: (login: StoredLogin) => Promise<TokenSet>) {
  const world = memoryLogins();
  const clock = { now: 0 };
  const renew = vi.fn(refresh ?? (async ({ tokens }: StoredLogin) => renewed(tokens, clock.now)));
  const failures: string[] = [];
  const onRenewed = vi.fn();
  const deps: RenewalDeps = {
    ...{ logins: world.logins, renew, now: () => clock.now, log: memoryLog().log, onRenewed },
    onObtained: () => undefined,
    revoke: async () => true,
    onFailed: ({ code }) => void failures.push(code),
  };
  const another = () => new TokenSource(KEY, deps);
  return { ...world, clock, renew, onRenewed, failures, deps, another, source: another() };
}

function renewed(tokens: TokenSet, now: number): TokenSet {
  return {
    ...tokens,
    ...{ accessToken: 'access-2', refreshToken: 'refresh-2' },
    ...{ obtainedAt: now, expiresAt: now + HOUR },
  };
}

async function rejecting(): Promise<TokenSet> {
  throw new McpMasterError('REFRESH_REJECTED', 'invalid_grant');
}

async function failing(): Promise<TokenSet> {
  throw new McpMasterError('REFRESH_FAILED', 'the network is down');
}

describe('TokenSource', () => {
  it('has no token, and asks no store, before a login', async () => {
    const { source, keychain } = createSource();
    expect(await source.accessToken()).toBeUndefined();
    expect(keychain.calls).toBe(0);
  });

  it('reads the store once for many requests', async () => {
    const { source, logins, keychain } = createSource();
    await logins.save(KEY, someLogin());
    keychain.calls = 0;
    const tokens = await Promise.all([1, 2, 3].map(() => source.accessToken()));
    expect(tokens).toEqual(['access-1', 'access-1', 'access-1']);
    await source.accessToken();
    expect(keychain.calls).toBe(1);
  });

  it('sees a login of another process, and a logout', async () => {
    const { source, logins } = createSource();
    await logins.save(KEY, someLogin());
    await source.accessToken();
    const tokens = { ...someLogin().tokens, accessToken: 'from elsewhere' };
    await logins.save(KEY, someLogin({ tokens }));
    expect(await source.accessToken()).toBe('from elsewhere');
    await logins.remove(KEY);
    expect(await source.accessToken()).toBeUndefined();
  });

  it('renews once, for all who ask, a minute before the end, and saves what it got', async () => {
    const { source, logins, renew, clock } = createSource();
    await logins.save(KEY, someLogin());
    clock.now = HOUR - 60_001;
    expect(await source.accessToken()).toBe('access-1');
    clock.now = HOUR - 60_000;
    const tokens = await Promise.all([1, 2, 3].map(() => source.accessToken()));
    expect(tokens).toEqual(['access-2', 'access-2', 'access-2']);
    expect(renew).toHaveBeenCalledOnce();
    expect((await logins.read(KEY))?.tokens.refreshToken).toBe('refresh-2');
    expect(await source.accessToken()).toBe('access-2');
  });

  it('renews a short-lived token in the last fifth of its life', async () => {
    const { source, logins, clock } = createSource();
    const tokens = { ...someLogin().tokens, expiresAt: 10_000 };
    await logins.save(KEY, someLogin({ tokens }));
    clock.now = 7999;
    expect(await source.accessToken()).toBe('access-1');
    clock.now = 8000;
    expect(await source.accessToken()).toBe('access-2');
  });

  it('uses a token to its very end when it can not be renewed now, and then says why', async () => {
    const { source, logins, clock } = createSource(async () => {
      throw new McpMasterError('REFRESH_FAILED', 'the network is down');
    });
    await logins.save(KEY, someLogin());
    clock.now = HOUR - 1;
    expect(await source.accessToken()).toBe('access-1');
    clock.now = HOUR;
    await expect(source.accessToken()).rejects.toMatchObject({ code: 'REFRESH_FAILED' });
    expect((await logins.read(KEY))?.tokens.refreshToken).toBe('refresh-1');
  });

  it('asks for a login when the server rejects the refresh token, and drops that one alone', async () => {
    const { source, logins, clock, failures, index } = createSource(rejecting);
    const before = await logins.save(KEY, someLogin());
    clock.now = HOUR;
    await expect(source.accessToken()).rejects.toMatchObject({
      code: 'LOGIN_REQUIRED',
      hint: expect.stringContaining('mcp-master auth login --server=x'),
    });
    const { refreshToken: _, ...tokens } = before.tokens;
    expect(await logins.read(KEY)).toEqual({ ...before, tokens });
    expect(index.get(KEY.file)).toMatchObject({ hasRefreshToken: false });
    expect(failures).toEqual(['REFRESH_REJECTED']);
  });

  it('uses a token to its end although the server has rejected the refresh token, and asks once', async () => {
    const { source, logins, clock, renew, another } = createSource(rejecting);
    await logins.save(KEY, someLogin());
    clock.now = HOUR - 1;
    expect(await source.accessToken()).toBe('access-1');
    expect(await source.accessToken()).toBe('access-1');
    clock.now = 2 * HOUR;
    for (const one of [source, another()]) {
      await expect(one.accessToken()).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' });
    }
    expect(renew).toHaveBeenCalledOnce();
  });

  it('never sends a rejected refresh token again, also when it can not be dropped', async () => {
    const { source, logins, clock, renew, keychain } = createSource(async () => {
      keychain.write = () => Promise.reject(new McpMasterError('KEYCHAIN_LOCKED', 'locked'));
      return rejecting();
    });
    await logins.save(KEY, someLogin());
    clock.now = HOUR;
    for (const _ of [1, 2]) {
      await expect(source.accessToken()).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' });
      clock.now += 24 * HOUR;
    }
    expect(renew).toHaveBeenCalledOnce();
  });

  it('does not ask again before the time that the server names', async () => {
    const { source, logins, clock, renew } = createSource(async () => {
      throw new McpMasterError('REFRESH_FAILED', 'slow down', { retryAfterMs: 20_000 });
    });
    await logins.save(KEY, someLogin());
    clock.now = HOUR - 30_000;
    for (const _ of [1, 2, 3]) expect(await source.accessToken()).toBe('access-1');
    expect(renew).toHaveBeenCalledTimes(1);
    clock.now += 20_000;
    await source.accessToken();
    expect(renew).toHaveBeenCalledTimes(2);
  });

  it('lets a logout wait for a renewal that is under way, and then be one', async () => {
    const world = createSource(async ({ tokens }) => {
      logout = world.logins.remove(KEY);
      return renewed(tokens, HOUR);
    });
    let logout: Promise<boolean> = Promise.resolve(false);
    await world.logins.save(KEY, someLogin());
    world.clock.now = HOUR;
    await world.source.accessToken();
    expect(await logout).toBe(true);
    expect(await world.source.accessToken()).toBeUndefined();
    expect([...world.keychain.items.keys()]).toEqual(['rehearsal']);
  });

  it('makes no login out of a renewal when it was suspended and somebody has logged out', async () => {
    const world = createSource(async ({ tokens }) => {
      world.locks.loseAll();
      await world.logins.remove(KEY);
      return renewed(tokens, HOUR);
    });
    await world.logins.save(KEY, someLogin());
    world.clock.now = HOUR;
    expect(await world.source.accessToken()).toBeUndefined();
    expect(await world.logins.read(KEY)).toBeUndefined();
    expect([...world.keychain.items.keys()]).toEqual(['rehearsal']);
  });

  it('overwrites nothing when it was suspended and somebody has logged in', async () => {
    const world = createSource(async ({ tokens }) => {
      world.locks.loseAll();
      const login = { ...someLogin().tokens, accessToken: 'of the new login', expiresAt: 9 * HOUR };
      await world.logins.save(KEY, someLogin({ tokens: login }));
      return renewed(tokens, HOUR);
    });
    await world.logins.save(KEY, someLogin());
    world.clock.now = HOUR;
    expect(await world.source.accessToken()).toBe('of the new login');
    expect((await world.logins.read(KEY))?.tokens.accessToken).toBe('of the new login');
  });

  it('saves what it got although it was suspended and others have had the old token rejected', async () => {
    const world = createSource(async ({ tokens }) => {
      world.locks.loseAll();
      world.deps.renew = rejecting;
      await world
        .another()
        .renewNow()
        .catch(() => undefined);
      return renewed(tokens, HOUR);
    });
    await world.logins.save(KEY, someLogin());
    world.clock.now = HOUR;
    expect(await world.source.accessToken()).toBe('access-2');
    expect((await world.logins.read(KEY))?.tokens.refreshToken).toBe('refresh-2');
  });

  it('sends nothing when it was suspended after it had read, and looks again', async () => {
    const world = createSource();
    await world.logins.save(KEY, someLogin());
    world.clock.now = HOUR;
    const read = world.keychain.read.bind(world.keychain);
    let suspended = false;
    world.keychain.read = async (accounts) => {
      const found = await read(accounts);
      if (suspended) return found;
      suspended = true;
      world.locks.loseAll();
      await world.another().accessToken();
      return found;
    };
    expect(await world.source.accessToken()).toBe('access-2');
    expect(world.renew).toHaveBeenCalledOnce();
  });

  it('renews once for two processes', async () => {
    const { source, another, logins, clock, renew, onRenewed } = createSource();
    await logins.save(KEY, someLogin());
    const other = another();
    await Promise.all([source.accessToken(), other.accessToken()]);
    clock.now = HOUR;
    const tokens = await Promise.all([source.accessToken(), other.accessToken()]);
    expect(tokens).toEqual(['access-2', 'access-2']);
    expect(renew).toHaveBeenCalledOnce();
    expect(onRenewed).toHaveBeenCalledOnce();
  });

  it('uses the token of another process although its own renewal was rejected', async () => {
    const world = createSource(async () => {
      world.locks.loseAll();
      const tokens = { ...someLogin().tokens, accessToken: 'from elsewhere', expiresAt: 9 * HOUR };
      await world.logins.save(KEY, someLogin({ tokens }));
      return rejecting();
    });
    await world.logins.save(KEY, someLogin());
    world.clock.now = HOUR;
    expect(await world.source.accessToken()).toBe('from elsewhere');
    expect((await world.logins.read(KEY))?.tokens.refreshToken).toBe('refresh-1');
  });

  it('does not keep a token waiting for a slow renewal, and takes its outcome later', async () => {
    let answer: (tokens: TokenSet) => void = () => {};
    const world = createSource(() => new Promise((resolve) => (answer = resolve)));
    await world.logins.save(KEY, someLogin());
    world.clock.now = HOUR - 10;
    expect(await world.source.accessToken()).toBe('access-1');
    await vi.waitFor(() => expect(world.renew).toHaveBeenCalledOnce());
    answer(renewed(someLogin().tokens, world.clock.now));
    await vi.waitFor(async () => expect(await world.source.accessToken()).toBe('access-2'));
    expect(world.renew).toHaveBeenCalledOnce();
  });

  it('lets only those wait who ask while a renewal is young', async () => {
    const world = createSource(() => new Promise(() => {}));
    await world.logins.save(KEY, someLogin());
    world.clock.now = HOUR - 50_000;
    const first = world.source.accessToken();
    await vi.waitFor(() => expect(world.renew).toHaveBeenCalledOnce());
    world.clock.now += 2000;
    const order: string[] = [];
    void first.then(() => order.push('first'));
    await world.source.accessToken().then(() => order.push('second'));
    await first;
    expect(order).toEqual(['second', 'first']);
  });

  it('keeps nobody waiting for ever, but takes an answer that comes late', async () => {
    let answer: (tokens: TokenSet) => void = () => {};
    const world = createSource(() => new Promise((resolve) => (answer = resolve)));
    await world.logins.save(KEY, someLogin());
    world.clock.now = HOUR;
    const first = world.source.accessToken();
    await vi.waitFor(() => expect(world.renew).toHaveBeenCalledOnce());
    world.clock.now += 20_000;
    await expect(world.source.accessToken()).rejects.toMatchObject({
      code: 'REFRESH_FAILED',
      message: 'renewing the login takes longer than 20 s',
      hint: expect.stringContaining('try again in a moment'),
    });
    const settled = world.source.settled();
    answer(renewed(someLogin().tokens, world.clock.now));
    await settled;
    expect((await world.logins.read(KEY))?.tokens.refreshToken).toBe('refresh-2');
    expect(await first).toBe('access-2');
    expect(world.renew).toHaveBeenCalledOnce();
  });

  it('never sends a spent refresh token again because the new one could not be saved', async () => {
    const sent: (string | undefined)[] = [];
    const { source, logins, keychain, clock } = createSource(async ({ tokens }) => {
      sent.push(tokens.refreshToken);
      keychain.failure = new McpMasterError('KEYCHAIN_LOCKED', 'locked');
      return renewed(tokens, HOUR);
    });
    await logins.save(KEY, someLogin());
    clock.now = HOUR;
    expect(await source.accessToken()).toBe('access-2');
    expect(await source.accessToken()).toBe('access-2');
    keychain.failure = undefined;
    clock.now += 5000;
    expect(await source.accessToken()).toBe('access-2');
    await source.settled();
    expect((await logins.read(KEY))?.tokens.refreshToken).toBe('refresh-2');
    expect(sent).toEqual(['refresh-1']);
  });

  it('asks for a login when an expired token has no refresh token', async () => {
    const { source, logins, clock } = createSource();
    const { refreshToken: _, ...tokens } = someLogin().tokens;
    await logins.save(KEY, someLogin({ tokens }));
    clock.now = HOUR - 1;
    expect(await source.accessToken()).toBe('access-1');
    clock.now = HOUR;
    await expect(source.accessToken()).rejects.toMatchObject({ code: 'LOGIN_REQUIRED' });
  });

  it('uses a token of unknown life until it is refused', async () => {
    const { source, logins, clock } = createSource();
    const { expiresAt: _, ...tokens } = someLogin().tokens;
    await logins.save(KEY, someLogin({ tokens }));
    clock.now = Number.MAX_SAFE_INTEGER;
    expect(await source.accessToken()).toBe('access-1');
  });

  it('asks for a login when the item is gone from the store, and says so each time', async () => {
    const { source, logins, keychain } = createSource();
    await logins.save(KEY, someLogin());
    keychain.items.clear();
    for (const _ of [1, 2]) {
      await expect(source.accessToken()).rejects.toMatchObject({
        code: 'LOGIN_REQUIRED',
        message: expect.stringContaining('not in the token store any more'),
      });
    }
  });

  it('tries the store again after it failed', async () => {
    const { source, logins, keychain } = createSource();
    await logins.save(KEY, someLogin());
    keychain.failure = new McpMasterError('KEYCHAIN_LOCKED', 'locked');
    await expect(source.accessToken()).rejects.toMatchObject({ code: 'KEYCHAIN_LOCKED' });
    keychain.failure = undefined;
    expect(await source.accessToken()).toBe('access-1');
  });

  it('does not hammer a server that is down: a second, then twice that, up to a minute', async () => {
    const { source, logins, clock, renew } = createSource(failing);
    await logins.save(KEY, someLogin());
    clock.now = HOUR;
    const asked: number[] = [];
    for (let second = 0; second < 300; second += 1) {
      const before = renew.mock.calls.length;
      await expect(source.accessToken()).rejects.toMatchObject({ code: 'REFRESH_FAILED' });
      if (renew.mock.calls.length > before) asked.push(second);
      clock.now += 1000;
    }
    expect(asked).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
  });
});
