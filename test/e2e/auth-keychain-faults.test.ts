import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { helperProcesses } from '../support/helper-processes.ts';
import { type AuthHome, createAuthHome } from '../support/oauth/auth-home.ts';
import { expectFailure, type Failure, finish } from '../support/oauth/fault-stage.ts';
import {
  type MisbehavingServer,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import { recordingBackend } from '../support/recording.ts';
import {
  type SecretService,
  type SecretServiceOptions,
  startSecretService,
} from '../support/secret-service.ts';

/** A home whose logins are in a real Secret Service. */
interface Place {
  home: AuthHome;
  service: SecretService;
  faulty: MisbehavingServer;
  other: MisbehavingServer;
}

/** With the servers `faulty` and `other`, which want a login, and `open`, which does not. */
async function place(context: TestContext, options?: SecretServiceOptions): Promise<Place> {
  const service = await startSecretService(context, options);
  const home = await createAuthHome({ ...service.env, OAUTH_ENCRYPTION_KEY: undefined });
  const [faulty, other] = await Promise.all([
    untilTestEnds(startMisbehavingAuthorizationServer()),
    untilTestEnds(startMisbehavingAuthorizationServer()),
  ]);
  const entry = ({ url }: MisbehavingServer) => ({
    ...{ url: url.href, auth_strategy: 'delegate_oauth' },
  });
  const { entry: open } = await recordingBackend(home.path, 'open');
  await home.configure({ faulty: entry(faulty), other: entry(other), open });
  return { home, service, faulty, other };
}

/** The same with both logins done. */
async function loggedInPlace(context: TestContext, options?: SecretServiceOptions): Promise<Place> {
  const made = await place(context, options);
  const { home } = made;
  const ends = await Promise.all([home.logIn(['faulty']), home.logIn(['other'])]);
  for (const end of ends) {
    expect(end).toMatchObject({ code: 0, last: { event: 'logged_in', store: 'keychain' } });
  }
  return made;
}

const FILE_INSTEAD = /`openssl rand -hex 32`, keep it, and set OAUTH_ENCRYPTION_KEY/;

function unavailable(message: RegExp): Failure {
  return { code: 'KEYCHAIN_UNAVAILABLE', exit: 5, message, hint: FILE_INSTEAD };
}

function locked(message: RegExp, hint: RegExp): Failure {
  return { code: 'KEYCHAIN_LOCKED', exit: 5, message, hint };
}

/** The records of the logins; a `serve` that runs may write what it learns of its servers. */
async function records({ home }: Place): Promise<[string, string][]> {
  return [...(await home.keptFiles())].filter(([path]) => path.startsWith('state'));
}

/** A new login to `faulty`, before which nobody is sent to a provider; no record changes. */
async function expectRefused(made: Place, failure: Failure): Promise<void> {
  const { home, faulty } = made;
  const before = await records(made);
  const asked = faulty.seen.all.length;
  expectFailure(await finish(home.startLogin(['faulty', '--force'])), failure);
  expect(faulty.seen.all).toHaveLength(asked);
  expect(await records(made)).toEqual(before);
}

/** What `auth status` says of the two servers that have a login. */
async function states({ home }: Place): Promise<unknown[]> {
  const { value } = await home.json(['auth', 'status']);
  return value.slice(0, 2).map(({ state, store }) => [state, store]);
}

const LOGGED_IN = [
  ['logged_in', 'keychain'],
  ['logged_in', 'keychain'],
];

/** What `list` says: a code where the servers with a login fail, null where they are ready. */
async function listed({ home }: Place): Promise<unknown[]> {
  const { value } = await home.json(['list']);
  return value.map(({ error }) => (error as JsonObject | null)?.['code'] ?? null);
}

describe('a keychain that is not there', () => {
  it.for<[what: string, dead: boolean]>([
    ['bus', true],
    ['service on the bus', false],
  ])('refuses a login where there is no %s', async ([, dead], context) => {
    const made = await place(context, { service: false });
    const nowhere = `unix:path=${join(made.home.path, 'nowhere')}`;
    const address = dead ? nowhere : made.service.env['DBUS_SESSION_BUS_ADDRESS'];
    const env = { DBUS_SESSION_BUS_ADDRESS: address };
    const end = await finish(made.home.startLogin(['faulty'], env));
    expectFailure(end, unavailable(/^no keychain can be reached/));
    expect(made.faulty.seen.all).toEqual([]);
    expect(await states(made)).toEqual([
      ['login_required', null],
      ['login_required', null],
    ]);
    // No login means no look into the keychain.
    expect(await listed(made)).toEqual(['LOGIN_REQUIRED', 'LOGIN_REQUIRED', null]);
  });

  it('refuses a login once it has gone, and knows both when it is back', async (context) => {
    const made = await loggedInPlace(context);
    const client = await made.home.serve();
    await client.listTools();
    await made.service.kill();
    await expectRefused(made, unavailable(/^no keychain can be reached/));
    expect(await states(made)).toEqual(LOGGED_IN);
    const gone = 'KEYCHAIN_UNAVAILABLE';
    expect(await listed(made)).toEqual([gone, gone, null]);
    // What has read its token already needs no keychain.
    const call = () => client.callTool('faulty__echo', { text: 'x' });
    const echoed = { content: [{ type: 'text', text: 'x' }] };
    expect(await call()).toEqual(echoed);
    await made.service.restart();
    expect(await listed(made)).toEqual([null, null, null]);
    expect(await made.home.logIn(['faulty', '--force'])).toMatchObject({ code: 0 });
    // The running one reads the new login from the new keychain.
    expect(await call()).toEqual(echoed);
  });
});

describe('a keychain that is locked', () => {
  it('refuses a login where no prompt can be shown', async (context) => {
    const made = await loggedInPlace(context);
    await made.service.lock();
    await expectRefused(made, locked(/^the keychain is locked/, /^No display is known/));
    expect(await listed(made)).toEqual(['KEYCHAIN_LOCKED', 'KEYCHAIN_LOCKED', null]);
    const asked = made.service.dismissals();
    expect(asked).toBeGreaterThan(0);
    expect(await states(made)).toEqual(LOGGED_IN);
    expect(made.service.dismissals()).toBe(asked);
    await made.service.kill();
    await made.service.restart();
    expect(await listed(made)).toEqual([null, null, null]);
  });

  it('holds up nothing but its own logins while nobody answers its prompt', async (context) => {
    const made = await loggedInPlace(context, { prompt: 'unanswered' });
    const { home, service } = made;
    const patient = { deadline: 55_000 };
    const client = await home.serve(patient);
    // From now on the tools are known without the servers; two are of mcp-master itself.
    expect(await client.listTools()).toHaveLength(7 + 2);
    await client.close();
    await service.lock();
    const login = home.startLogin(['faulty', '--force']);
    const sessions = await Promise.all([1, 2, 3].map(() => home.serve(patient)));
    const [asking, signalled, closing] = sessions;
    if (!asking || !signalled || !closing) throw new Error('There are three');
    const stuck = sessions.map(async (session) => {
      expect(await session.listTools()).toHaveLength(7 + 2);
      return session.request('tools/call', { name: 'faulty__echo', arguments: { text: 'x' } });
    });
    // Those that are ended have no answer.
    for (const call of stuck.slice(1)) call.catch(() => undefined);
    const HOME = service.env['HOME'] ?? '';
    await waitFor(() => helperProcesses(HOME).length === 4, { what: 'four stuck helpers' });
    for (const session of sessions) {
      expect(await session.callTool('open__echo', { message: 'x' })).toMatchObject({
        content: [{ type: 'text', text: 'x' }],
      });
    }
    expect(await states(made)).toEqual(LOGGED_IN);
    signalled.kill('SIGTERM');
    expect(await signalled.waitForExit()).toEqual({ code: 130, signal: null });
    expect(await closing.close()).toMatchObject({ code: 0, signal: null, killed: false });
    await waitFor(() => helperProcesses(HOME).length === 2, { what: 'the end of two helpers' });
    // All of this was while the first ones were still waiting for the keychain.
    expect(login.events).toEqual([]);
    expectFailure(await finish(login), locked(/^the keychain does not answer/, /its prompt/));
    const answer = JSON.stringify(await stuck[0]);
    expect(answer).toContain('KEYCHAIN_LOCKED');
  });
});

it('refuses a login while the keychain stands still, and goes on with it', async (context) => {
  const made = await loggedInPlace(context);
  made.service.freeze();
  await expectRefused(made, locked(/^the keychain does not answer/, /Unlock|unlock/));
  expect(await states(made)).toEqual(LOGGED_IN);
  made.service.thaw();
  expect(await listed(made)).toEqual([null, null, null]);
});

it('costs one login when its item is damaged, and a new login replaces it', async (context) => {
  const made = await loggedInPlace(context);
  const { home, service } = made;
  const accounts = await service.accounts();
  const account = accounts.find((name) => name.includes('faulty')) ?? '';
  await service.store(account, 'something else');
  const { value } = await home.json(['list']);
  const hint = expect.stringMatching(/auth login/);
  const message = expect.stringMatching(/damaged/);
  expect(value).toMatchObject([{ error: { hint, message } }, { error: null }, { error: null }]);
  const [, ...others] = LOGGED_IN;
  expect(await states(made)).toEqual([['login_required', 'keychain'], ...others]);
  expect(await home.logIn(['faulty'])).toMatchObject({ code: 0, last: { event: 'logged_in' } });
  expect(await states(made)).toEqual(LOGGED_IN);
  expect(await listed(made)).toEqual([null, null, null]);
  expect(await service.accounts()).toEqual(accounts);
});

it('loads the native library in the helper alone', async (context) => {
  const { home, service, faulty } = await loggedInPlace(context);
  const client = await home.serve();
  await client.listTools();
  await client.callTool('faulty__echo', { text: 'x' });
  expect(faulty.resource.authorizations()).toContainEqual(expect.stringMatching(/^Bearer access-/));
  const mapsOf = (pid: number) => readFileSync(`/proc/${pid}/maps`, 'utf8');
  const [helper] = helperProcesses(service.env['HOME'] ?? '');
  expect(mapsOf(helper?.pid ?? 0)).toMatch(/keyring.*\.node$/m);
  expect(mapsOf(client.pid)).not.toMatch(/\.node$/m);
});
