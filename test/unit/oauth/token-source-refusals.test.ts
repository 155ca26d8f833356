import { describe, expect, it, vi } from 'vitest';
import { McpMasterError } from '../../../src/errors.ts';
import type { RenewalDeps } from '../../../src/oauth/renewer.ts';
import type { StoredLogin } from '../../../src/oauth/store/stored-login.ts';
import { TokenSource } from '../../../src/oauth/token-source.ts';
import type { TokenSet } from '../../../src/oauth/tokens/token-set.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { KEY, memoryLogins, someLogin } from '../../support/stored-login.ts';

const HOUR = 3_600_000;

function createSource(more: Partial<RenewalDeps> = {}) {
  const world = memoryLogins();
  const clock = { now: 0 };
  let count = 1;
  const renew = vi.fn(async ({ tokens }: StoredLogin): Promise<TokenSet> => {
    count += 1;
    const name = `access-${count}`;
    return { ...tokens, accessToken: name, obtainedAt: clock.now, expiresAt: clock.now + HOUR };
  });
  const deps: RenewalDeps = {
    ...{ logins: world.logins, renew, now: () => clock.now, log: memoryLog().log },
    ...{ onRenewed: () => undefined, onObtained: () => undefined, onFailed: () => undefined },
    revoke: async () => true,
    ...more,
  };
  const another = () => new TokenSource(KEY, deps);
  return { ...world, clock, renew, another, source: another() };
}

describe('TokenSource, when a server refuses a token', () => {
  it('renews it once, for all who were refused', async () => {
    const { source, logins, renew } = createSource();
    await logins.save(KEY, someLogin());
    const again = await Promise.all([1, 2, 3].map(() => source.afterRefusal('access-1')));
    expect(again).toEqual([true, true, true]);
    expect(await source.accessToken()).toBe('access-2');
    expect(renew).toHaveBeenCalledOnce();
  });

  it('has the token of another process tried first', async () => {
    const { source, another, logins, renew } = createSource();
    await logins.save(KEY, someLogin());
    await source.accessToken();
    await another().renewNow();
    expect(await source.afterRefusal('access-1')).toBe(true);
    expect(await source.accessToken()).toBe('access-2');
    expect(renew).toHaveBeenCalledOnce();
  });

  it('renews once for two processes that were refused', async () => {
    const { source, another, logins, renew } = createSource();
    await logins.save(KEY, someLogin());
    const both = [source, another()];
    await Promise.all(both.map((one) => one.accessToken()));
    const again = await Promise.all(both.map((one) => one.afterRefusal('access-1')));
    expect(again).toEqual([true, true]);
    expect(renew).toHaveBeenCalledOnce();
  });

  it('gives up on a server that refuses whatever it is sent, and tries again more and more seldom', async () => {
    const { source, logins, clock, renew } = createSource();
    await logins.save(KEY, someLogin());
    const asked: number[] = [];
    for (let second = 0; second < 200; second += 1) {
      const before = renew.mock.calls.length;
      await source.afterRefusal((await source.accessToken()) ?? '');
      if (renew.mock.calls.length > before) asked.push(second);
      clock.now += 1000;
    }
    expect(asked).toEqual([0, 5, 15, 35, 75, 155]);
  });

  it('renews at once what was refused in its turn after it had been good', async () => {
    const { source, logins, clock } = createSource();
    await logins.save(KEY, someLogin());
    expect(await source.afterRefusal('access-1')).toBe(true);
    clock.now += 10_000;
    expect(await source.afterRefusal('access-2')).toBe(true);
    expect(await source.accessToken()).toBe('access-3');
  });

  it('has nothing else without a login, without a refresh token, and where the answer is the same token', async () => {
    const same = async ({ tokens }: StoredLogin) => tokens;
    const { source, logins, renew } = createSource();
    expect(await source.afterRefusal('access-1')).toBe(false);
    const { refreshToken: _, ...tokens } = someLogin().tokens;
    await logins.save(KEY, someLogin({ tokens }));
    expect(await source.afterRefusal('access-1')).toBe(false);
    expect(renew).not.toHaveBeenCalled();
    const stubborn = createSource({ renew: same });
    await stubborn.logins.save(KEY, someLogin());
    expect(await stubborn.source.afterRefusal('access-1')).toBe(false);
  });

  it('asks a token endpoint that is down once, not for each refusal', async () => {
    const renew = vi.fn(async () => {
      throw new McpMasterError('REFRESH_FAILED', 'down');
    });
    const failures: string[] = [];
    const onFailed = ({ code }: McpMasterError) => void failures.push(code);
    const { source, logins } = createSource({ renew, onFailed });
    await logins.save(KEY, someLogin());
    for (const _ of [1, 2, 3]) expect(await source.afterRefusal('access-1')).toBe(false);
    expect(renew).toHaveBeenCalledOnce();
    expect(failures).toEqual(['REFRESH_FAILED']);
    expect(await source.accessToken()).toBe('access-1');
  });
});

describe('TokenSource, asked to renew now', () => {
  it('does so whatever the expiry, and whatever has failed', async () => {
    let down = true;
    const { source, logins } = createSource({
      renew: async ({ tokens }) => {
        if (down) throw new McpMasterError('REFRESH_FAILED', 'down');
        return { ...tokens, accessToken: 'access-2' };
      },
    });
    await logins.save(KEY, someLogin());
    await expect(source.renewNow()).rejects.toMatchObject({ code: 'REFRESH_FAILED' });
    down = false;
    await source.renewNow();
    expect(await source.accessToken()).toBe('access-2');
  });

  it.each([
    ['there is no login', undefined, /nobody has logged in/],
    ['there is no refresh token', { refreshToken: undefined }, /no refresh token/],
  ])('says what is missing: %s', async (_, tokens, message) => {
    const { source, logins } = createSource();
    if (tokens !== undefined) {
      const { refreshToken: __, ...rest } = someLogin().tokens;
      await logins.save(KEY, someLogin({ tokens: rest }));
    }
    const error = { code: 'LOGIN_REQUIRED', message: expect.stringMatching(message) };
    await expect(source.renewNow()).rejects.toMatchObject(error);
  });

  it('asks for a login when the refresh token is rejected', async () => {
    const renew = async () => {
      throw new McpMasterError('REFRESH_REJECTED', 'invalid_grant');
    };
    const { source, logins } = createSource({ renew });
    await logins.save(KEY, someLogin());
    const error = { code: 'LOGIN_REQUIRED', message: expect.stringContaining('invalid_grant') };
    await expect(source.renewNow()).rejects.toMatchObject(error);
  });
});

describe('TokenSource, where no person is needed', () => {
  function unattended() {
    const { refreshToken: _, ...tokens } = someLogin().tokens;
    const obtain = vi.fn(async () => someLogin({ tokens }));
    return { ...createSource({ obtain }), obtain };
  }

  it('gets a login by itself, once for all, and saves it for the others', async () => {
    const { source, another, obtain, logins } = unattended();
    const both = [source, source, another()];
    const tokens = await Promise.all(both.map((one) => one.accessToken()));
    expect(tokens).toEqual(['access-1', 'access-1', 'access-1']);
    expect(obtain).toHaveBeenCalledOnce();
    expect((await logins.read(KEY))?.tokens.accessToken).toBe('access-1');
  });

  it('gets the next token when the first one expires, or is refused', async () => {
    const { source, clock, renew, obtain } = unattended();
    await source.accessToken();
    clock.now = HOUR;
    expect(await source.accessToken()).toBe('access-2');
    expect(await source.afterRefusal('access-2')).toBe(true);
    expect(await source.accessToken()).toBe('access-3');
    expect(renew).toHaveBeenCalledTimes(2);
    expect(obtain).toHaveBeenCalledOnce();
  });

  it('backs off when it can not be had', async () => {
    const { source, clock, obtain } = unattended();
    obtain.mockRejectedValue(new McpMasterError('TOKEN_REQUEST_FAILED', 'invalid_client'));
    for (const _ of [1, 2, 3]) {
      await expect(source.accessToken()).rejects.toMatchObject({ code: 'TOKEN_REQUEST_FAILED' });
    }
    expect(obtain).toHaveBeenCalledOnce();
    clock.now += 1000;
    await expect(source.accessToken()).rejects.toThrow('invalid_client');
    expect(obtain).toHaveBeenCalledTimes(2);
  });
});
