import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { startBackend } from '../support/oauth/auth-home.ts';
import { listen } from '../support/oauth/http-listener.ts';
import { createProxyStage, SOURCE_KEY } from '../support/oauth/strategy-proxy-stage.ts';
import {
  createMasterStage,
  listed,
  type MasterStage,
  newestToken,
  refusalOf,
} from '../support/oauth/strategy-stage.ts';
import {
  anyOf,
  keysOf,
  occursIn,
  startWitness,
  type Witness,
} from '../support/oauth/strategy-witness.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import { processTree } from '../support/process-tree.ts';

const HEADER_KEY = 'the-value-of-a-configured-header';
const API_KEY = 'the-value-of-a-configured-api-key';

const DEBUG = { args: ['--log-level=debug'] };

/** One server of every strategy, all of which take every token; the home has each kind of login. */
async function startAll(withMasterToken: boolean) {
  const env: Record<string, string> = { SOURCE: SOURCE_KEY, KEY: API_KEY };
  const stage = await createProxyStage(env);
  const { home, own, provider } = stage;
  const anything = anyOf(keysOf(own.issuer, SOURCE_KEY, API_KEY), own, provider);
  const start = () => startWitness(anything);
  const remote = {
    ...{ master: await start(), master2: await start(), delegate: await start() },
    ...{ source: await start(), ownLogin: stage.api, passed: await start(), kept: await start() },
    ...{ bypass: await startWitness(), headers: await startWitness(), key: await start() },
    ...{ detect: await startWitness(), wanting: await start() },
  };
  const local = await startBackend('local', 'stdio');
  const entry = (witness: Witness, auth_strategy: string, more: object = {}) => ({
    ...{ url: witness.url, auth_strategy, ...more },
  });
  const proxied = (witness: Witness, auth_config: object) =>
    entry(witness, 'proxy_oauth', { auth_config });
  const servers = {
    'm-one': entry(remote.master, 'master_oauth'),
    'm-two': entry(remote.master2, 'master_oauth'),
    delegate: entry(remote.delegate, 'delegate_oauth'),
    source: proxied(remote.source, { token_source: 'env:SOURCE', allow_passthrough: true }),
    api: proxied(remote.ownLogin, { allow_passthrough: true }),
    passed: proxied(remote.passed, { allow_passthrough: true }),
    kept: proxied(remote.kept, {}),
    bypass: entry(remote.bypass, 'bypass_auth'),
    headers: { url: remote.headers.url, headers: { 'X-Token': HEADER_KEY } },
    key: entry(remote.key, 'api_key', { api_key: { key: 'env:KEY' } }),
    detect: { url: remote.detect.url },
    wanting: { url: remote.wanting.url },
    local: local.entry,
  };
  await home.configure(servers, { master_oauth: stage.block });
  const login = await stage.logIn();
  const [api, delegate] = [await stage.logInToServer(), await logInTo(stage, remote.delegate)];
  const issued = await stage.issue();
  if (withMasterToken) env['MCP_MASTER_TOKEN'] = issued;
  const secrets = {
    ...{ issued, login, api, delegate, source: SOURCE_KEY, header: HEADER_KEY, key: API_KEY },
  };
  return { stage, servers, remote, local, env, secrets };
}

/** Logs in to the server `delegate`, and gives the token. */
async function logInTo({ home }: MasterStage, witness: Witness): Promise<string> {
  expect(await home.logIn(['delegate'])).toMatchObject({ code: 0 });
  const [token, ...others] = witness.tokens();
  if (token === undefined) throw new Error('The login was not proved');
  expect(others).toEqual([]);
  return token;
}

/** Who has seen a secret, by name. */
function seenBy(secrets: Record<string, string>, remote: Record<string, Witness>) {
  return Object.fromEntries(
    Object.entries(secrets).map(([name, secret]) => {
      const found = Object.entries(remote).filter(([, witness]) => witness.hasSeen(secret));
      return [name, found.map(([who]) => who)];
    }),
  );
}

/** The names of the secrets that occur anywhere in what was recorded. */
function foundIn(recorded: unknown, secrets: Record<string, string>): string[] {
  const shown = JSON.stringify(recorded);
  return Object.keys(secrets).filter((name) => occursIn(shown, secrets[name] ?? ''));
}

describe('with servers of every strategy in one configuration', () => {
  it.each([
    ['MCP_MASTER_TOKEN', 'issued'],
    ["the master's login", 'login'],
  ])('%s reaches those that name it, and each other secret its own server', async (_, sent) => {
    const all = await startAll(sent === 'issued');
    const { stage, servers, remote, local, env, secrets } = all;
    const { home } = stage;
    const rows = await listed(home, env);
    const client = await home.serve({ ...DEBUG, env });
    for (const name of Object.keys(servers).filter((server) => server !== 'local')) {
      const refused = ['kept', 'wanting'].includes(name);
      expect(rows[name], name).toMatchObject({ state: refused ? 'login_required' : 'ready' });
      expect((await refusalOf(client, name)) !== undefined, name).toBe(refused);
    }
    await client.callTool('local__echo', { message: 'x' });

    const nobody: string[] = [];
    const ofMaster = ['master', 'master2', 'passed'];
    expect(seenBy(secrets, remote)).toEqual({
      issued: sent === 'issued' ? ofMaster : nobody,
      login: sent === 'login' ? ofMaster : nobody,
      ...{ api: ['ownLogin'], delegate: ['delegate'], source: ['source'] },
      ...{ header: ['headers'], key: ['key'] },
    });
    const { issued, login, header, source, key, ...own } = secrets;
    // Every token that was sent is one of those: nothing came from elsewhere.
    const tokens = Object.values(remote).flatMap((witness) => witness.tokens());
    const used = [sent === 'issued' ? issued : login, ...Object.values(own), source, key];
    expect(new Set(tokens)).toEqual(new Set(used));
    // Nor is one shown to the authorization server of another.
    const others = { header, source, key };
    expect(foundIn(stage.own.seen.all, { ...others, issued, login })).toEqual([]);
    expect(foundIn(stage.provider.seen.all, { ...others, ...own })).toEqual([]);
    expect(foundIn(local.lines(), secrets)).toEqual([]);
    expect(foundIn([client.stderr, rows, client.rawLines], secrets)).toEqual([]);
  });

  it.runIf(process.platform === 'linux').each(['the environment', 'the .env file'])(
    'no child has any of it in its environment or its arguments: MCP_MASTER_TOKEN is in %s',
    async (where) => {
      const { stage, local, env, secrets } = await startAll(true);
      const line = `MCP_MASTER_TOKEN=${secrets.issued}`;
      const isGiven = where === 'the environment';
      if (!isGiven) await writeFile(join(stage.home.path, '.env'), `${line}\n`, { mode: 0o600 });
      const client = await stage.home.serve(isGiven ? { env } : {});
      for (const name of ['m-one', 'api', 'source']) {
        expect(await refusalOf(client, name)).toBeUndefined();
      }
      await client.callTool('local__echo', { message: 'x' });
      const [serve, ...children] = await processTree(client.pid);
      expect(serve?.environ.includes(line)).toBe(isGiven);
      expect(children.length).toBeGreaterThanOrEqual(1);
      for (const [name, secret] of Object.entries(secrets)) {
        expect(serve?.cmdline, name).not.toContain(secret);
        for (const { cmdline, environ } of children) {
          expect(cmdline, name).not.toContain(secret);
          expect(environ, name).not.toContain(secret);
        }
      }
      const environment = local.lines().find(({ event }) => event === 'start')?.['env'];
      expect(environment).not.toHaveProperty('MCP_MASTER_TOKEN');
    },
  );
});

/** A server of the master's token beside another one that anybody may use, and the token. */
async function startTwo(kind: 'token' | 'login') {
  const stage = await createMasterStage();
  const [from, to] = [await stage.startServer(), await startWitness()];
  const servers = {
    from: { url: from.url, auth_strategy: 'master_oauth' },
    to: { url: to.url, auth_strategy: 'bypass_auth' },
  };
  await stage.home.configure(servers, { master_oauth: stage.block });
  const env: Record<string, string> = {};
  if (kind === 'token') env['MCP_MASTER_TOKEN'] = await stage.issue();
  const token = env['MCP_MASTER_TOKEN'] ?? (await stage.logIn());
  return { stage, from, to, env, token };
}

describe('a redirect takes no token of the master along:', () => {
  it.each([301, 302, 303, 307, 308])('%i to another server', async (status) => {
    for (const kind of ['token', 'login'] as const) {
      const { stage, from, to, env, token } = await startTwo(kind);
      from.redirect(status, to.url);
      const rows = await listed(stage.home, env);
      expect(rows).toMatchObject({ from: { state: 'error' }, to: { state: 'ready' } });
      const client = await stage.home.serve({ ...DEBUG, env });
      expect(await refusalOf(client, 'from')).toBeDefined();
      expect(await refusalOf(client, 'to')).toBeUndefined();
      expect(from.tokens()[0]).toBe(token);
      expect(to.authorizations()).toEqual([]);
      expect(to.hasSeen(token)).toBe(false);
      expect(client.stderr).not.toContain(token);
    }
  });

  it.each([301, 302, 303, 307, 308])('%i while the server is used', async (status) => {
    const { stage, from, to, token } = await startTwo('login');
    const client = await stage.home.serve();
    expect(await refusalOf(client, 'from')).toBeUndefined();
    from.redirect(status, to.url);
    expect(await refusalOf(client, 'from')).toBeDefined();
    expect(from.tokens()).toEqual([token]);
    expect(to.authorizations()).toEqual([]);
    expect(to.hasSeen(token)).toBe(false);
  });

  it.each([301, 302, 303, 307, 308])(
    '%i from a server without it to one that is sent it',
    async (status) => {
      const { stage, from, to, token } = await startTwo('login');
      to.redirect(status, from.url);
      await stage.home.json(['list', '--server=to']);
      expect(await stage.home.run(['call', 'to', 'echo', '{"text":"x"}'])).not.toMatchObject({
        code: 0,
      });
      expect(to.heard).not.toEqual([]);
      expect(to.authorizations()).toEqual([]);
      expect(from.authorizations()).toEqual([]);
      expect(from.hasSeen(token)).toBe(false);
    },
  );
});

describe('what a server says leads no token of the master elsewhere:', () => {
  it('a challenge that names the metadata of another server', async () => {
    const { stage, to, env, token } = await startTwo('token');
    const hostile = await untilTestEnds(
      listen(async (request, response) => {
        await text(request);
        const challenge = `Bearer error="invalid_token", resource_metadata="${to.origin}/metadata"`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
      }),
    );
    const entry = { url: `${hostile.origin}/mcp`, auth_strategy: 'master_oauth' };
    const open = { url: to.url, auth_strategy: 'bypass_auth' };
    await stage.home.configure({ hostile: entry, to: open }, { master_oauth: stage.block });
    const rows = await listed(stage.home, env);
    expect(rows).toMatchObject({ hostile: { state: 'error' }, to: { state: 'ready' } });
    const client = await stage.home.serve({ env });
    expect(await refusalOf(client, 'hostile')).toContain('MCP_MASTER_TOKEN');
    expect(to.authorizations()).toEqual([]);
    expect(to.hasSeen(token)).toBe(false);
  });

  it('the endpoint of the deprecated SSE transport at another origin', async () => {
    const { stage, to, env, token } = await startTwo('token');
    const seen: (string | undefined)[] = [];
    const hostile = await untilTestEnds(
      listen(({ method, headers }, response) => {
        seen.push(headers.authorization);
        if (method !== 'GET') return void response.writeHead(405).end();
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`event: endpoint\ndata: ${to.url}\n\n`);
      }),
    );
    const more = { transport: 'sse', startup_timeout: 5 };
    const entry = { url: `${hostile.origin}/sse`, auth_strategy: 'master_oauth', ...more };
    const open = { url: to.url, auth_strategy: 'bypass_auth' };
    await stage.home.configure({ hostile: entry, to: open }, { master_oauth: stage.block });
    const rows = await listed(stage.home, env);
    expect(rows).toMatchObject({ hostile: { state: 'error' }, to: { state: 'ready' } });
    expect(seen).toContain(`Bearer ${token}`);
    expect(to.authorizations()).toEqual([]);
    expect(to.hasSeen(token)).toBe(false);
  });
});

describe('an entry whose address is changed', () => {
  it("gets the master's token by its strategy alone, and no token that was its own before", async () => {
    const stage = await createMasterStage();
    const [before, after] = [await stage.startServer(), await stage.startServer()];
    const own = { url: before.url, auth_strategy: 'delegate_oauth' };
    await stage.home.configure({ api: own }, { master_oauth: stage.block });
    expect(await stage.home.logIn(['api'])).toMatchObject({ code: 0 });
    const [ownToken = ''] = before.tokens();
    const master = await stage.logIn();
    const moved = { url: after.url, auth_strategy: 'master_oauth' };
    await stage.home.configure({ api: moved }, { master_oauth: stage.block });
    expect(await listed(stage.home)).toMatchObject({ api: { state: 'ready' } });
    expect(after.tokens()).toEqual([master]);
    expect(newestToken(stage.relay)).toBe(master);
    await stage.home.configure({ api: { ...own, url: after.url } }, { master_oauth: stage.block });
    expect(await listed(stage.home)).toMatchObject({ api: { state: 'login_required' } });
    expect(after.tokens()).toEqual([master]);
    expect(after.hasSeen(ownToken)).toBe(false);
    expect(before.hasSeen(master)).toBe(false);
  });
});
