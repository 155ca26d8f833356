import { describe, expect, it, vi } from 'vitest';
import type { MakeLogin } from '../../../src/auth/make-login.ts';
import { SignInAttempt, type SignInDeps } from '../../../src/auth/sign-in-attempt.ts';
import { McpMasterError } from '../../../src/errors.ts';
import { REST_MS, SignInRecords } from '../../../src/oauth/store/sign-in-records.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { KEY, memoryLogins, someLogin } from '../../support/stored-login.ts';

/** A computer, on which several processes may want the same login. */
function computer() {
  const world = memoryLogins();
  const clock = { now: 1_000_000 };
  const records = new SignInRecords(world.files);
  const process = () => {
    const openBrowser = vi.fn(async () => true);
    const deps: SignInDeps = {
      ...{ records, locks: world.locks, index: world.index, openBrowser },
      ...{ now: () => clock.now, log: memoryLog().log },
    };
    return { deps, openBrowser };
  };
  const logIn = () => world.logins.save(KEY, someLogin({ loggedInAt: clock.now }));
  return { clock, records, process, logIn };
}

/** A login of which the test says how it ends. */
function pendingLogin(clientId = 'client-1') {
  let finish: () => void = () => undefined;
  let fail: (error: McpMasterError) => void = () => undefined;
  const begun = vi.fn();
  const make: MakeLogin = async ({ signal, invite }) => {
    begun();
    const url = `http://127.0.0.1:4000/oauth/authorize?server_id=x&nonce=${clientId}`;
    const answered = new Promise<void>((resolve, reject) => {
      finish = resolve;
      fail = reject;
      signal.addEventListener('abort', () => reject(signal.reason));
    });
    await invite({ url, clientId, scopes: ['read'], expiresAt: 2_000_000 });
    await answered;
  };
  return {
    ...{ make, begun, finish: () => finish() },
    fail: (code: 'ACCESS_DENIED' | 'LOGIN_TIMEOUT') => fail(new McpMasterError(code, 'no')),
  };
}

describe('SignInAttempt', () => {
  it('invites, and ends without an error when somebody has logged in', async () => {
    const { process, logIn, records } = computer();
    const login = pendingLogin();
    const attempt = new SignInAttempt(KEY, login.make, true, process().deps);
    const { invitation, isShownElsewhere } = await attempt.invitation();
    expect(isShownElsewhere).toBe(false);
    expect(records.get(KEY.file).invitation).toEqual(invitation);
    await logIn();
    login.finish();
    expect(await attempt.ended).toEqual({ error: undefined });
    expect(records.get(KEY.file)).toEqual({});
  });

  it('opens the browser once, however many ask for it', async () => {
    const { process } = computer();
    const { deps, openBrowser } = process();
    const attempt = new SignInAttempt(KEY, pendingLogin().make, true, deps);
    const { invitation } = await attempt.invitation();
    await Promise.all([attempt.openBrowser(invitation), attempt.openBrowser(invitation)]);
    expect(openBrowser).toHaveBeenCalledTimes(1);
    attempt.cancel();
    await attempt.ended;
  });

  it.each(['ACCESS_DENIED', 'LOGIN_TIMEOUT'] as const)(
    'asks nobody for ten minutes after %s',
    async (code) => {
      const { process, clock, records } = computer();
      const { deps } = process();
      const login = pendingLogin();
      const attempt = new SignInAttempt(KEY, login.make, true, deps);
      const { invitation } = await attempt.invitation();
      await attempt.openBrowser(invitation);
      login.fail(code);
      expect((await attempt.ended).error).toMatchObject({ code });
      const next = () => new SignInAttempt(KEY, pendingLogin().make, true, deps);
      const quiet = next();
      expect(quiet.mayAsk).toBe(false);
      // Where to log in is told all the same, and nobody who is not asked says no.
      expect((await quiet.invitation()).isShownElsewhere).toBe(false);
      quiet.cancel();
      await quiet.ended;
      expect(records.get(KEY.file).rest).toMatchObject({ code, since: clock.now });
      clock.now += REST_MS;
      const loud = next();
      expect(loud.mayAsk).toBe(true);
      loud.cancel();
      await loud.ended;
    },
  );

  it('holds nothing against anybody when its client goes, or when nobody was asked', async () => {
    const { process, records } = computer();
    const { deps } = process();
    const gone = new SignInAttempt(KEY, pendingLogin().make, true, deps);
    await gone.openBrowser((await gone.invitation()).invitation);
    gone.cancel();
    expect((await gone.ended).error).toMatchObject({ code: 'INTERRUPTED' });
    expect(records.get(KEY.file)).toEqual({});
    const unasked = pendingLogin();
    const attempt = new SignInAttempt(KEY, unasked.make, true, deps);
    await attempt.invitation();
    unasked.fail('LOGIN_TIMEOUT');
    await attempt.ended;
    expect(records.get(KEY.file)).toEqual({});
  });

  it('says why nobody can log in', async () => {
    const { process, records } = computer();
    const attempt = new SignInAttempt(
      KEY,
      async () => {
        throw new McpMasterError('DISCOVERY_FAILED', 'nothing is there');
      },
      true,
      process().deps,
    );
    await expect(attempt.invitation()).rejects.toMatchObject({ code: 'DISCOVERY_FAILED' });
    expect((await attempt.ended).error).toMatchObject({ code: 'DISCOVERY_FAILED' });
    expect(records.get(KEY.file)).toEqual({});
  });

  it('ends when somebody logs in elsewhere', async () => {
    const { process, logIn } = computer();
    const attempt = new SignInAttempt(KEY, pendingLogin().make, true, process().deps);
    await attempt.invitation();
    await logIn();
    expect(await attempt.ended).toEqual({ error: undefined });
  });
});

describe('two processes that want the same login', () => {
  it('make one: the second learns where from the first, and goes on with it', async () => {
    const { process, logIn } = computer();
    const [first, second] = [pendingLogin('one'), pendingLogin('two')];
    const own = new SignInAttempt(KEY, first.make, true, process().deps);
    const { invitation } = await own.invitation();
    const joined = new SignInAttempt(KEY, second.make, true, process().deps);
    expect(await joined.invitation()).toEqual({ invitation, isShownElsewhere: true });
    await logIn();
    first.finish();
    expect(await joined.ended).toEqual({ error: undefined });
    expect(second.begun).not.toHaveBeenCalled();
  });

  it('are both told when its person says no', async () => {
    const { process } = computer();
    const [first, second] = [pendingLogin('one'), pendingLogin('two')];
    const own = new SignInAttempt(KEY, first.make, true, process().deps);
    await own.openBrowser((await own.invitation()).invitation);
    const joined = new SignInAttempt(KEY, second.make, true, process().deps);
    await joined.invitation();
    first.fail('ACCESS_DENIED');
    expect((await joined.ended).error).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(second.begun).not.toHaveBeenCalled();
  });

  it('lose nothing when the first one goes: the second takes over', async () => {
    const { process } = computer();
    const [first, second] = [pendingLogin('one'), pendingLogin('two')];
    const own = new SignInAttempt(KEY, first.make, true, process().deps);
    await own.invitation();
    const joined = new SignInAttempt(KEY, second.make, true, process().deps);
    const before = await joined.invitation();
    expect(before.isShownElsewhere).toBe(true);
    own.cancel();
    // Nobody listens at the address of the first one any more.
    const after = await joined.invitation(before);
    expect(after).toMatchObject({ invitation: { clientId: 'two' }, isShownElsewhere: false });
    joined.cancel();
    expect((await joined.ended).error).toMatchObject({ code: 'INTERRUPTED' });
  });
});
