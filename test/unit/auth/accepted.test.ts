import { describe, expect, it, vi } from 'vitest';
import { MultiAuthManager } from '../../../src/auth/multi-auth-manager.ts';
import type { AuthConfig } from '../../../src/config/config.ts';
import { McpMasterError } from '../../../src/errors.ts';
import { ChallengeRecords } from '../../../src/oauth/store/challenge-records.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { noMaster } from '../../support/no-master.ts';
import { serverConfig } from '../../support/server-config.ts';
import { memoryLogins, someLogin } from '../../support/stored-login.ts';

const DELEGATE: AuthConfig = { strategy: 'delegate_oauth', oauth: {} };

/** A connection to a server with this strategy, and what is written down of it. */
function connected(auth: AuthConfig = DELEGATE, headers: Record<string, string> = {}) {
  const world = memoryLogins();
  const challenges = new ChallengeRecords(world.files, (message) => {
    throw new Error(message);
  });
  const journal = {
    ...{ used: vi.fn(), refreshed: vi.fn(), refused: vi.fn() },
    ...{ failed: vi.fn(), succeeded: vi.fn() },
  };
  const manager = new MultiAuthManager().attach({
    ...noMaster(),
    ...{ logins: world.logins, challenges, journal, now: () => 0, log: memoryLog().log },
    revoke: async () => true,
    renew: async () => Promise.reject(new McpMasterError('REFRESH_FAILED', 'no')),
    obtain: async () => someLogin(),
    owner: { profile: '', home: '', commandFlags: '' },
  });
  const endpoint = {
    ...{ kind: 'http' as const, url: 'https://x.example/mcp', sseReadTimeout: 300 },
    ...{ auth, headers },
  };
  const server = serverConfig({ name: 'x', endpoint });
  const key = manager.loginKey(server);
  const file = key?.file ?? '';
  return {
    ...{ journal, file, challenges },
    auth: manager.forServer(server, endpoint),
    async logIn() {
      if (key !== undefined) await world.logins.save(key, someLogin());
    },
    async isLoginRequired() {
      await challenges.flush();
      return challenges.has(file);
    },
  };
}

describe('a refusal that stood', () => {
  it('is forgotten, once, when the same method is taken', async () => {
    const { auth, journal, logIn, isLoginRequired } = connected();
    await logIn();
    auth.onAccepted('tools/call');
    expect(journal.succeeded).not.toHaveBeenCalled();
    auth.onRefusal(401, {}, 'tools/call');
    expect(await isLoginRequired()).toBe(true);
    auth.onAccepted('tools/call');
    auth.onAccepted('tools/call');
    expect(await isLoginRequired()).toBe(false);
    expect(journal.succeeded).toHaveBeenCalledTimes(1);
  });

  it('is not hidden by methods that the server lets anybody use', async () => {
    const { auth, journal, logIn, isLoginRequired } = connected();
    await logIn();
    auth.onRefusal(401, {}, 'tools/call');
    auth.onRefusal(401, {}, 'resources/read');
    for (const method of ['ping', 'tools/list', undefined, 'tools/call']) auth.onAccepted(method);
    expect(await isLoginRequired()).toBe(true);
    expect(journal.succeeded).not.toHaveBeenCalled();
    auth.onAccepted('resources/read');
    expect(await isLoginRequired()).toBe(false);
  });

  it('is not hidden by what works without a login', async () => {
    const { auth, logIn, isLoginRequired } = connected({ strategy: 'detect' });
    auth.onRefusal(401, {}, 'tools/call');
    auth.onAccepted('tools/call');
    expect(await isLoginRequired()).toBe(true);
    await logIn();
    auth.onAccepted('tools/call');
    expect(await isLoginRequired()).toBe(false);
  });

  it('of the stream is forgotten with the next message that is taken', async () => {
    const { auth, logIn, isLoginRequired } = connected();
    await logIn();
    auth.onRefusal(401, {});
    auth.onAccepted('ping');
    expect(await isLoginRequired()).toBe(false);
  });

  it('of one call (403) is forgotten with the next one, but not a demand for more scopes', async () => {
    const { auth, journal, logIn, isLoginRequired } = connected();
    await logIn();
    const wider = { 'www-authenticate': 'Bearer error="insufficient_scope", scope="write"' };
    auth.onRefusal(403, wider, 'tools/call');
    auth.onAccepted('tools/call');
    expect(journal.succeeded).toHaveBeenCalledTimes(1);
    expect(await isLoginRequired()).toBe(true);
  });

  it.each([401, 403])('of a credential of the configuration (%d) is forgotten, too', (status) => {
    const { auth, journal } = connected({ strategy: 'headers' }, { 'X-Key': 'k' });
    auth.onRefusal(status, {}, 'tools/call');
    auth.onAccepted('ping');
    expect(journal.succeeded).not.toHaveBeenCalled();
    auth.onAccepted('tools/call');
    expect(journal.succeeded).toHaveBeenCalledTimes(1);
  });
});

describe('a use of a credential', () => {
  it.each<[AuthConfig, Record<string, string>, number]>([
    [{ strategy: 'headers' }, { 'X-Key': 'k' }, 1],
    [{ strategy: 'detect' }, { Authorization: 'Bearer s' }, 1],
    [{ strategy: 'api_key', header: 'X-Key', template: '{key}', key: 'k' }, {}, 1],
    [{ strategy: 'bypass_auth' }, { 'X-Team': 'core' }, 0],
    [{ strategy: 'bypass_auth' }, { 'X-Team': 'core', Authorization: 'Bearer s' }, 0],
  ])('with %j and %j is written down %#', async (strategy, headers, times) => {
    const { auth, journal } = connected(strategy, headers);
    await auth.headers();
    expect(journal.used).toHaveBeenCalledTimes(times);
  });
});
