import { describe, expect, it } from 'vitest';
import {
  createMasterStage,
  listed,
  type MasterStage,
  refusalOf,
  statusOf,
} from '../support/oauth/strategy-stage.ts';
import { keysOf, startWitness, type Witness } from '../support/oauth/strategy-witness.ts';

const KEY = "the-key-$&-{x}-$'";

/** A home in which the master has a login and MCP_MASTER_TOKEN, for servers that have no use for either. */
async function createStage(): Promise<MasterStage & { secrets: string[] }> {
  const env: Record<string, string> = { API_KEY: KEY };
  const stage = await createMasterStage({}, env);
  const token = await stage.issue();
  await stage.home.configure({}, { master_oauth: stage.block });
  const login = await stage.logIn();
  env['MCP_MASTER_TOKEN'] = token;
  const serve: MasterStage['home']['serve'] = (options = {}) =>
    stage.home.serve({ ...options, env: { ...env, ...options.env } });
  return { ...stage, home: { ...stage.home, serve }, secrets: [token, login] };
}

/** Lists and calls a server by every way there is, with MCP_MASTER_TOKEN and without. */
async function use({ home, secrets: [token = ''] }: Awaited<ReturnType<typeof createStage>>) {
  const rows = await listed(home);
  await listed(home, { MCP_MASTER_TOKEN: token });
  await home.run(['call', 'api', 'echo', '{"text":"x"}'], { env: { MCP_MASTER_TOKEN: token } });
  const client = await home.serve();
  const refusal = await refusalOf(client, 'api');
  return { row: rows['api'], refusal };
}

/** Each distinct value of a header that reached a server, in order. */
function valuesOf({ heard }: Witness, header: string): unknown[] {
  return [...new Set(heard.map(({ headers }) => headers[header]))];
}

/** A 401 of the server names no authorization server that could be used: it wants a key. */
const WANTS_KEY = { metadata: 'none', challenge: 'none' } as const;

describe('bypass_auth', () => {
  it('sends no Authorization header, whatever there is', async () => {
    const stage = await createStage();
    const api = await startWitness();
    const headers = { 'X-Team': 'core' };
    const entry = { url: api.url, auth_strategy: 'bypass_auth', headers };
    await stage.home.configure({ api: entry }, { master_oauth: stage.block });
    const { row, refusal } = await use(stage);
    expect({ row, refusal }).toMatchObject({ row: { state: 'ready' }, refusal: undefined });
    expect(api.authorizations()).toEqual([]);
    expect(valuesOf(api, 'x-team')).toEqual(['core']);
    for (const secret of stage.secrets) expect(api.hasSeen(secret)).toBe(false);
    expect(await statusOf(stage.home, 'api')).toMatchObject({
      ...{ strategy: 'bypass_auth', state: 'not_needed', next: null },
    });
  });

  it('does not give in when the server wants a login: it is an error, and no login is offered', async () => {
    const stage = await createStage();
    const api = await stage.startServer();
    await stage.home.configure(
      { api: { url: api.url, auth_strategy: 'bypass_auth' } },
      { master_oauth: stage.block },
    );
    const { row, refusal } = await use(stage);
    expect(row).toMatchObject({ state: 'error', error: { code: 'UNAUTHORIZED' } });
    expect(refusal).toContain('bypass_auth sends none');
    expect(refusal).not.toContain('auth login --server');
    expect(refusal).not.toContain('oauth_delegation');
    expect(api.authorizations()).toEqual([]);
    for (const secret of stage.secrets) expect(api.hasSeen(secret)).toBe(false);
    expect(stage.relay.refreshes()).toEqual([]);
    const login = await stage.home.run(['auth', 'login', '--server=api']);
    expect(login).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('headers', () => {
  it.each([
    ['Bearer', 'Bearer of-the-user'],
    ['Basic', `Basic ${Buffer.from('user:word').toString('base64')}`],
    ['a scheme of its own', 'AWS4-HMAC-SHA256 Credential=x/y, Signature=z'],
    ['no scheme', 'just-the-key'],
  ])('are sent as they are: %s', async (_, value) => {
    const stage = await createStage();
    const api = await startWitness();
    const headers = { Authorization: value, 'X-Team': 'core' };
    await stage.home.configure({ api: { url: api.url, headers } }, { master_oauth: stage.block });
    const { row, refusal } = await use(stage);
    expect({ row, refusal }).toMatchObject({ row: { state: 'ready' }, refusal: undefined });
    expect(api.authorizations()).toEqual([value]);
    expect(valuesOf(api, 'x-team')).toEqual(['core']);
    for (const secret of stage.secrets) expect(api.hasSeen(secret)).toBe(false);
  });

  it('that are refused are an error of the server alone, without a login in their place', async () => {
    const stage = await createStage();
    const [api, other] = [await stage.startServer(WANTS_KEY), await stage.startServer()];
    const headers = { Authorization: 'Bearer a-stale-token' };
    const servers = {
      api: { url: api.url, auth_strategy: 'headers', headers },
      other: { url: other.url, auth_strategy: 'master_oauth' },
    };
    await stage.home.configure(servers, { master_oauth: stage.block });
    expect(await listed(stage.home)).toMatchObject({
      ...{ api: { state: 'error', error: { code: 'UNAUTHORIZED' } }, other: { state: 'ready' } },
    });
    const { refusal } = await use(stage);
    expect(refusal).toContain('refused the credential of the configuration');
    expect(refusal).not.toContain('auth login --server');
    expect(api.authorizations()).toEqual([headers.Authorization]);
    expect(other.hasSeen('a-stale-token')).toBe(false);
  });
});

describe('api_key', () => {
  it.each([
    ['in the header X-API-Key', { header: 'X-API-Key' }, 'x-api-key', KEY],
    ['in Authorization', {}, 'authorization', `Bearer ${KEY}`],
    [
      'by a template',
      { header: 'Authorization', template: 'Key {key}; v=1' },
      'authorization',
      `Key ${KEY}; v=1`,
    ],
    ['twice', { header: 'X-Key', template: '{apiKey}/{key}' }, 'x-key', `${KEY}/${KEY}`],
  ])('is sent %s', async (_, how, header, value) => {
    const stage = await createStage();
    const api = await startWitness();
    const entry = {
      url: api.url,
      auth_strategy: 'api_key',
      api_key: { key: 'env:API_KEY', ...how },
    };
    await stage.home.configure({ api: entry }, { master_oauth: stage.block });
    const { row, refusal } = await use(stage);
    expect({ row, refusal }).toMatchObject({ row: { state: 'ready' }, refusal: undefined });
    expect(valuesOf(api, header)).toEqual([value]);
    expect(api.authorizations()).toEqual(header === 'authorization' ? [value] : []);
    for (const secret of stage.secrets) expect(api.hasSeen(secret)).toBe(false);
  });

  it('is let in by a server that knows it, and not told when it is refused', async () => {
    const stage = await createStage();
    const [good, bad] = [
      await startWitness(keysOf('http://127.0.0.1:9', KEY), WANTS_KEY),
      await startWitness(keysOf('http://127.0.0.1:9', 'another-key'), WANTS_KEY),
    ];
    const entryOf = ({ url }: Witness) => ({
      ...{ url, auth_strategy: 'api_key', api_key: { key: 'env:API_KEY' } },
    });
    const servers = { good: entryOf(good), bad: entryOf(bad) };
    await stage.home.configure(servers, { master_oauth: stage.block });
    const rows = await listed(stage.home);
    expect(rows).toMatchObject({
      ...{ good: { state: 'ready' }, bad: { state: 'error', error: { code: 'UNAUTHORIZED' } } },
    });
    expect(JSON.stringify(rows)).not.toContain(KEY);
    expect(bad.authorizations()).toEqual([`Bearer ${KEY}`]);
  });
});

describe('no strategy', () => {
  it("is no reason to send the master's token: the server is asked without one", async () => {
    const stage = await createStage();
    const api = await startWitness();
    await stage.home.configure({ api: { url: api.url } }, { master_oauth: stage.block });
    const { row, refusal } = await use(stage);
    expect({ row, refusal }).toMatchObject({ row: { state: 'ready' }, refusal: undefined });
    expect(api.authorizations()).toEqual([]);
    for (const secret of stage.secrets) expect(api.hasSeen(secret)).toBe(false);
  });

  it("asks for the server's own login when it wants one, also where it would take the master's token", async () => {
    const stage = await createStage();
    const api = await stage.startServer();
    await stage.home.configure({ api: { url: api.url } }, { master_oauth: stage.block });
    const { row, refusal } = await use(stage);
    const next = 'mcp-master auth login --server=api';
    const error = { code: 'LOGIN_REQUIRED', hint: expect.stringContaining(next) };
    expect(row).toMatchObject({ state: 'login_required', error });
    expect(refusal).toContain(next);
    expect(refusal).not.toContain('--server=master');
    expect(api.authorizations()).toEqual([]);
    for (const secret of stage.secrets) expect(api.hasSeen(secret)).toBe(false);
  });
});
