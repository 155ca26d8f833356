import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { createTempFolder, waitFor } from '../support/bin.ts';
import { changed, respond } from '../support/oauth/answers.ts';
import {
  type AuthHome,
  createAuthHome,
  ENCRYPTION_KEY,
  startPair,
} from '../support/oauth/auth-home.ts';
import { finish } from '../support/oauth/fault-stage.ts';
import { listen } from '../support/oauth/http-listener.ts';
import {
  type MisbehavingServer,
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { startProtectedServer } from '../support/oauth/protected-server.ts';
import type { KnownClient } from '../support/oauth/provider-configuration.ts';
import { plainly } from '../support/oauth/refusal.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import { type RecordingBackend, recordingBackend } from '../support/recording.ts';
import { type RecordingClient, type Responder, startServe } from '../support/recording-client.ts';
import { startSecretService } from '../support/secret-service.ts';

const LOGIN_REQUIRED = { error: { code: -32000, data: { code: 'LOGIN_REQUIRED' } } };

/** Something to wait for until it is opened. */
function createGate(): { opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

function entryOf({ url }: MisbehavingServer): { url: string; auth_strategy: string } {
  return { url: url.href, auth_strategy: 'delegate_oauth' };
}

async function askWhoami(client: RecordingClient) {
  return plainly(await client.request('tools/call', { name: 'api__whoami', arguments: {} }));
}

async function stateOf(home: AuthHome): Promise<unknown> {
  return (await home.json(['auth', 'status', '--server=api'])).value[0]?.['state'];
}

/** A token endpoint that hands requests on at once, and keeps the answers back while it holds. */
async function startHoldingEndpoint(target: string) {
  const gate = createGate();
  const seen = { holding: false, held: 0 };
  const { origin } = await untilTestEnds(
    listen(async (request, response) => {
      const type = request.headers['content-type'] ?? '';
      const body = await text(request);
      const answer = await fetch(target, {
        ...{ method: 'POST', headers: { 'content-type': type }, body },
      });
      const tokens = await answer.text();
      if (seen.holding) {
        seen.held += 1;
        await gate.opened;
      }
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(tokens);
    }),
  );
  return { url: `${origin}/token`, seen, release: gate.open };
}

describe('a logout in another process', () => {
  it('wins over a refresh that is under way', async () => {
    const home = await createAuthHome();
    const options = { accessTokenSeconds: 3 };
    const provider = await untilTestEnds(startMisbehavingAuthorizationServer({}, options));
    const { url, seen, release } = await startHoldingEndpoint(`${provider.issuer}/token`);
    provider.script({ metadata: (_, right) => changed(right(), { token_endpoint: url }) });
    await home.configure({ api: entryOf(provider) });
    expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
    const client = await home.serve();
    await client.callTool('api__whoami');
    const [before] = (await home.json(['auth', 'status'])).value;
    const end = Date.parse(String(before?.['expires_at']));
    await waitFor(() => Date.now() > end, { what: 'the end of the token' });

    seen.holding = true;
    const call = askWhoami(client);
    await waitFor(() => seen.held > 0, { what: 'the refresh' });
    const { value } = await home.json(['auth', 'logout', '--server=api']);
    expect(value).toEqual([{ server: 'api', removed: true, revoked: true }]);
    release();
    expect(await call).toMatchObject(LOGIN_REQUIRED);
    expect(await askWhoami(client)).toMatchObject(LOGIN_REQUIRED);
    // Of the old pair and of the new one, both tokens.
    const revoked = provider.seen.at('revoke').map(({ params }) => params['token']);
    expect(new Set(revoked).size).toBe(4);
    const { value: after, code } = await home.json(['auth', 'status']);
    expect(after).toMatchObject([{ state: 'login_required', store: null, expires_at: null }]);
    expect(code).toBe(4);
    const stored = [...(await home.files()).keys()].filter((path) =>
      /(logins|tokens)\//.test(path),
    );
    expect(stored).toEqual([]);
  });
});

const OLD = 'the-old-value-of-the-secret';
const NEW = 'the-new-value-of-the-secret';

/** Its tool `hold` asks the client something, and answers once it has heard. */
async function startHolder(): Promise<RecordingBackend> {
  const folder = await createTempFolder();
  await untilTestEnds({ close: folder.remove });
  const inputSchema = { type: 'object' };
  const ask = { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } };
  const tools = ['echo', 'hold'].map((name) => ({ name, inputSchema }));
  const script = { tools, calls: { hold: { steps: [{ request: ask }] } } };
  const backend = await recordingBackend(folder.path, 'holder', script, 'http');
  await untilTestEnds({ close: backend.stop });
  return backend;
}

/** The header of the requests of a method, in order. */
function secretsSent({ lines }: RecordingBackend, method: string): unknown[] {
  const sent = lines().filter(({ dir, message }) => dir === 'in' && message?.['method'] === method);
  return sent.map(({ headers }) => headers?.['x-acme']);
}

describe('a server that serve is connected to', () => {
  it('gets the new value of a secret, and still answers the call of before', async () => {
    const home = await createAuthHome();
    const backend = await startHolder();
    await home.configure({ api: { ...backend.entry, headers: { 'X-Acme': 'keyring:acme' } } });
    await home.run(['secret', 'set', 'acme'], { input: OLD });
    const gate = createGate();
    const said = { role: 'assistant', model: 'm', content: { type: 'text', text: 'yes' } };
    const answerLate: Responder = async () => {
      await gate.opened;
      return { result: said };
    };
    const options = { home: home.path, env: home.env, respond: answerLate };
    const client = await startServe(undefined, options);
    await untilTestEnds({ close: async () => void (await client.close()) });
    await client.initialize({ sampling: {} });
    const held = client.callTool('api__hold');
    await client.waitForMessage(({ method }) => method === 'sampling/createMessage');
    expect(new Set(secretsSent(backend, 'initialize'))).toEqual(new Set([OLD]));

    expect(await home.run(['secret', 'set', 'acme'], { input: NEW })).toMatchObject({ code: 0 });
    await waitFor(() => secretsSent(backend, 'initialize').at(-1) === NEW, {
      what: 'a session with the new value',
    });
    await client.callTool('api__echo', { message: 'x' });
    expect(secretsSent(backend, 'tools/call')).toEqual([OLD, NEW]);
    gate.open();
    expect(await held).toMatchObject({ structuredContent: { replies: [{ result: said }] } });
  });

  it('gets the token of a new login, and a new session', async () => {
    const home = await createAuthHome();
    const provider = await untilTestEnds(startMisbehavingAuthorizationServer(bindSessions()));
    const { resource } = provider;
    await home.configure({ api: entryOf(provider) });
    await home.logIn(['api']);
    const client = await home.serve();
    await client.callTool('api__whoami');
    const [first, ...others] = resource.authorizations();
    expect(others).toEqual([]);
    const opened = resource.opened();

    expect(await home.logIn(['api', '--force'])).toMatchObject({ code: 0 });
    // One session proves the new login, one is that of `serve`.
    await waitFor(() => resource.opened() >= opened + 2, { what: 'a new session' });
    await client.callTool('api__whoami');
    const calls = resource.requests.filter(({ rpc }) => rpc === 'tools/call');
    expect(calls.map(({ authorization }) => authorization === first)).toEqual([true, false]);
    expect(
      await provider.check(calls[1]?.authorization?.replace('Bearer ', '') ?? ''),
    ).toBeDefined();
  });
});

/** A server whose sessions belong to the token that was first sent in them. */
function bindSessions(): Script {
  const owners = new Map<string, string | undefined>();
  return {
    mcp: ({ headers }) => {
      const { authorization, 'mcp-session-id': session } = headers;
      if (typeof session !== 'string') return undefined;
      if (!owners.has(session)) owners.set(session, authorization);
      const isOwner = owners.get(session) === authorization;
      return isOwner ? undefined : respond(403, 'This session belongs to somebody else');
    },
  };
}

const CLIENT_SECRET = 'the-client-secret-of-the-user';

it('the secret of a client stays at its first issuer, beyond a logout', async () => {
  const home = await createAuthHome({ CLIENT_SECRET });
  const { origin, close } = await listen(() => {});
  await close();
  const port = Number(new URL(origin).port);
  const known: KnownClient = {
    client_id: 'known',
    client_secret: CLIENT_SECRET,
    redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`],
    token_endpoint_auth_method: 'client_secret_basic',
  };
  const start = () => untilTestEnds(startMisbehavingAuthorizationServer({}, { clients: [known] }));
  const [first, second] = [await start(), await start()];
  const check = async (token: string) => (await first.check(token)) ?? second.check(token);
  const named = { issuer: first.issuer, check };
  const server = await untilTestEnds(startProtectedServer({ authorizationServer: named }));
  const auth_config = {
    client_id: 'known',
    client_secret: 'env:CLIENT_SECRET',
    redirect_port: port,
  };
  const entry = { url: server.url.href, auth_strategy: 'delegate_oauth' };
  await home.configure({ api: { ...entry, auth_config } });
  expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
  expect(first.seen.grants('authorization_code')).toMatchObject([{ status: 200 }]);
  expect(await home.run(['auth', 'logout', '--server=api'])).toMatchObject({ code: 0 });

  named.issuer = second.issuer;
  const end = await finish(home.startLogin(['api']));
  expect(end.events).toMatchObject([
    { event: 'error', code: 'ISSUER_MISMATCH', hint: expect.stringContaining('`issuer`') },
  ]);
  expect(end.code).toBe(4);
  const asked = new Set(second.seen.all.map(({ endpoint }) => endpoint));
  expect(asked).toEqual(new Set(['metadata']));

  const trusted = { ...auth_config, issuer: second.issuer };
  await home.configure({ api: { ...entry, auth_config: trusted } });
  expect(await home.logIn(['api'])).toMatchObject({ code: 0, last: { event: 'logged_in' } });
  expect(second.seen.grants('authorization_code')).toMatchObject([{ status: 200 }]);
});

it('a 401 is over when the server lets the same login in again', async () => {
  const home = await createAuthHome();
  const provider = await untilTestEnds(startMisbehavingAuthorizationServer());
  await home.configure({ api: entryOf(provider) });
  await home.logIn(['api']);
  const challenge = { 'www-authenticate': 'Bearer error="invalid_token"' };
  provider.script({ mcp: () => respond(401, '', challenge) });
  expect((await home.json(['list'])).value).toMatchObject([{ state: 'login_required' }]);
  expect(await stateOf(home)).toBe('login_required');
  provider.script({});
  expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready' }]);
  expect(await stateOf(home)).toBe('logged_in');
});

describe('the keychain', () => {
  it('can be left when it is gone', async (context) => {
    const keychain = await startSecretService(context);
    const home = await createAuthHome({ ...keychain.env, OAUTH_ENCRYPTION_KEY: undefined });
    const { entry } = await startPair();
    await home.configure({ api: entry });
    expect(await home.logIn(['api'])).toMatchObject({ last: { store: 'keychain' } });
    await home.run(['secret', 'set', 'acme'], { input: OLD });
    const gone = { DBUS_SESSION_BUS_ADDRESS: undefined, XDG_RUNTIME_DIR: undefined };
    const login = home.startLogin(['api', '--force'], gone);
    expect(await login.ended).toMatchObject({ code: 5 });
    const way = 'mcp-master auth migrate --to file --force';
    const hint = expect.stringContaining(way);
    expect(login.events).toMatchObject([{ event: 'error', code: 'KEYCHAIN_UNAVAILABLE', hint }]);

    const env = { ...gone, OAUTH_ENCRYPTION_KEY: ENCRYPTION_KEY };
    const careful = await home.run(['auth', 'migrate', '--to', 'file'], { env });
    expect(careful).toMatchObject({ code: 5, stderr: expect.stringContaining('--force') });
    const left = await home.json(['auth', 'migrate', '--to', 'file', '--force'], { env });
    expect(left).toMatchObject({ code: 0, value: { moved: 0 } });
    expect((await home.json(['secret', 'list'], { env })).value).toEqual([]);
    expect(await home.logIn(['api'], { env })).toMatchObject({ code: 0, last: { store: 'file' } });
    expect((await home.json(['list'], { env })).value).toMatchObject([{ state: 'ready' }]);
  });

  it('keeps the logins and secrets of two homes apart', async (context) => {
    const keychain = await startSecretService(context);
    const { server, entry } = await startPair();
    const backend = await startHolder();
    const keyed = { ...backend.entry, headers: { 'X-Acme': 'keyring:acme' } };
    const open = async (user: string) => {
      const home = await createAuthHome({ ...keychain.env, OAUTH_ENCRYPTION_KEY: undefined });
      await home.configure({ api: entry, keyed });
      await home.run(['secret', 'set', 'acme'], { input: `${user}'s` });
      expect(await home.logIn(['api'], { user })).toMatchObject({ last: { store: 'keychain' } });
      return home;
    };
    const homes = { alice: await open('alice'), bob: await open('bob') };
    expect(await keychain.accounts()).toHaveLength(4);
    const expectOwn = async (user: keyof typeof homes) => {
      const called = await homes[user].json<JsonObject>(['call', 'api', 'whoami']);
      expect(JSON.stringify(called.value)).toContain(user);
      expect(await homes[user].run(['call', 'keyed', 'echo', '{"message":"x"}'])).toMatchObject({
        code: 0,
      });
      expect(secretsSent(backend, 'tools/call').at(-1)).toBe(`${user}'s`);
    };
    await expectOwn('alice');
    await expectOwn('bob');
    expect(server.authorizations()).toHaveLength(2);

    await homes.bob.run(['auth', 'logout', '--all']);
    await homes.bob.run(['secret', 'delete', 'acme']);
    expect(await keychain.accounts()).toHaveLength(2);
    await expectOwn('alice');
    expect(await stateOf(homes.bob)).toBe('login_required');
  });
});
