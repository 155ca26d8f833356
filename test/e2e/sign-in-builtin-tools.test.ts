import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { createAuthHome, startBackend } from '../support/oauth/auth-home.ts';
import { browse } from '../support/oauth/browse.ts';
import { denies } from '../support/oauth/sign-in-browser.ts';
import {
  agreeing,
  delegationOf,
  identityOf,
  OPENS_URLS,
  startClient,
  textOf,
} from '../support/oauth/sign-in-client.ts';
import { errorOf, type SignInOptions, signInStage } from '../support/oauth/sign-in-stage.ts';
import { recordingBackend } from '../support/recording.ts';
import type { RecordingClient } from '../support/recording-client.ts';

const BUILT_IN = ['mcp-master__login', 'mcp-master__status'];
const OF_THE_SERVER = ['api__echo', 'api__erase', 'api__whoami'];

async function toolNames(client: RecordingClient): Promise<string[]> {
  return (await client.listTools()).map(({ name }) => String(name)).sort();
}

function logIn(client: RecordingClient, server: string): Promise<JsonObject> {
  return client.callTool('mcp-master__login', { server });
}

/** The rows of `mcp-master__status`. */
async function statusOf(client: RecordingClient): Promise<JsonObject[]> {
  const { structuredContent, isError } = await client.callTool('mcp-master__status');
  expect(isError ?? false).toBe(false);
  // Contract, "Over MCP".
  return (structuredContent as { servers: JsonObject[] }).servers;
}

/** A server that guards everything, its lists included, and to which nobody has logged in. */
function closedStage(options: SignInOptions = {}) {
  return signInStage({ protection: {}, ...options });
}

describe('the built-in tools', () => {
  it('are listed while a server may need a login, each with what it takes', async () => {
    const stage = await closedStage();
    const client = await stage.startHeadless();
    const tools = await client.listTools();
    expect(tools.map(({ name }) => name).toSorted()).toEqual(BUILT_IN);
    for (const tool of tools) {
      expect(tool).toMatchObject({
        ...{ description: expect.stringMatching(/./), inputSchema: { type: 'object' } },
      });
    }
    const login = tools.find(({ name }) => name === 'mcp-master__login');
    expect(login?.['inputSchema']).toMatchObject({ type: 'object', required: ['server'] });
  });

  it.each<[string, SignInOptions]>([
    ['serve.builtin_tools is false', { serve: { builtin_tools: false } }],
    ['the server that needs one is not enabled', { entry: { enabled: false } }],
  ])('are not there when %s', async (_, options) => {
    const stage = await closedStage(options);
    const client = await stage.startHeadless();
    expect(await toolNames(client)).toEqual([]);
    for (const name of BUILT_IN) {
      const answer = await client.request('tools/call', { name, arguments: { server: 'api' } });
      expect(errorOf(answer)).toMatchObject({ data: { code: 'UNKNOWN_TOOL' } });
    }
  });

  it('are not there when no server can need a login', async () => {
    const home = await createAuthHome();
    const { entry: local } = await recordingBackend(home.path, 'local');
    const remote = await startBackend('remote');
    await home.configure({
      local,
      open: { ...remote.entry, auth_strategy: 'bypass_auth' },
      fixed: { ...remote.entry, headers: { Authorization: 'Bearer fixed' } },
    });
    const client = await startClient(home);
    expect(await toolNames(client)).toEqual(['fixed__echo', 'local__echo', 'open__echo']);
  });
});

describe('mcp-master__status', () => {
  it('says where each server stands, as `auth status` does, and opens nothing', async () => {
    const stage = await closedStage();
    const { entry: local } = await recordingBackend(stage.home.path, 'local');
    await stage.home.configure({ api: { url: stage.entry.url }, local });
    const client = await stage.start();
    await client.listTools();
    const rows = async () => (await stage.home.json(['auth', 'status'])).value;
    // What the server demanded is written down beside the answers, and a command may be faster.
    const isKnown = async () => (await rows())[0]?.['state'] === 'login_required';
    await waitFor(isKnown, { what: 'the record of what the server demands' });
    const before = await statusOf(client);
    expect(before).toEqual(
      (await rows()).map((row) => ({
        ...row,
        connection: expect.stringMatching(/^(ready|connecting|idle|failed)$/),
        error: row['server'] === 'api' ? expect.anything() : null,
      })),
    );
    expect(before).toMatchObject([
      {
        server: 'api',
        state: 'login_required',
        next: 'mcp-master auth login --server=api',
        connection: 'failed',
        error: { code: 'LOGIN_REQUIRED' },
      },
      { server: 'local', state: 'not_needed', connection: 'ready' },
    ]);
    await logIn(client, 'api');
    expect(await statusOf(client)).toMatchObject([
      { server: 'api', state: 'logged_in', next: null, connection: 'ready', error: null },
      { server: 'local', state: 'not_needed', connection: 'ready', error: null },
    ]);
    expect(stage.browser.opened()).toHaveLength(1);
  });
});

describe('mcp-master__login', () => {
  it('opens the browser, says how many tools there are now, and these are listed', async () => {
    const stage = await closedStage();
    const client = await stage.start();
    expect(await toolNames(client)).toEqual(BUILT_IN);
    const done = await logIn(client, 'api');
    expect(done['isError'] ?? false).toBe(false);
    expect(textOf(done)).toContain('api');
    expect(textOf(done)).toMatch(/\b3 tools\b/);
    await client.waitForNotification('notifications/tools/list_changed');
    expect(await toolNames(client)).toEqual([...OF_THE_SERVER, ...BUILT_IN].sort());
    expect(identityOf(await client.callTool('api__whoami'))).toMatchObject({ subject: 'alice' });
    expect(stage.browser.opened()).toHaveLength(1);

    const again = await logIn(client, 'api');
    expect(again['isError'] ?? false).toBe(false);
    expect(textOf(again)).toMatch(/already/i);
    expect(stage.browser.opened()).toHaveLength(1);
    expect(stage.authorizations()).toBe(1);
  });

  it.each(['delegate_oauth', 'proxy_oauth'])('is of use to a server with %s', async (strategy) => {
    const stage = await closedStage({ entry: { auth_strategy: strategy } });
    const client = await stage.start();
    expect(await toolNames(client)).toEqual(BUILT_IN);
    expect(textOf(await logIn(client, 'api'))).toMatch(/\b3 tools\b/);
    expect(identityOf(await client.callTool('api__whoami'))).toMatchObject({ subject: 'alice' });
    expect(stage.authorizations()).toBe(1);
  });

  it('asks the client that opens addresses', async () => {
    const stage = await closedStage();
    const { respond, params } = agreeing();
    const client = await stage.start({ capabilities: OPENS_URLS, respond });
    await client.listTools();
    expect(textOf(await logIn(client, 'api'))).toMatch(/\b3 tools\b/);
    expect(params).toHaveLength(1);
    expect(stage.browser.opened()).toEqual([]);
  });

  it('answers with the delegation where nothing can be opened, and lists the tools afterwards', async () => {
    const stage = await closedStage();
    const client = await stage.startHeadless();
    await client.listTools();
    const { authorize_url } = delegationOf(await logIn(client, 'api'));
    await browse(authorize_url);
    await client.waitForNotification('notifications/tools/list_changed');
    expect(await toolNames(client)).toEqual([...OF_THE_SERVER, ...BUILT_IN].sort());
    expect(textOf(await logIn(client, 'api'))).toMatch(/already/i);
  });

  it('tells of a person who says no, and of a server that there is not', async () => {
    const stage = await closedStage({ person: denies });
    const client = await stage.start();
    await client.listTools();
    const denied = await logIn(client, 'api');
    expect(denied).toMatchObject({ isError: true });
    expect(textOf(denied)).toMatch(/denied/i);
    for (const server of ['elsewhere', '', 7, null]) {
      const unknown = await client.callTool('mcp-master__login', { server });
      expect(unknown).toMatchObject({ isError: true });
      expect(textOf(unknown)).toContain('api');
    }
    expect(stage.browser.opened()).toHaveLength(1);
  });

  it('has nothing to do at a server that needs no login', async () => {
    const stage = await closedStage();
    const { entry: local } = await recordingBackend(stage.home.path, 'local');
    await stage.home.configure({ api: { url: stage.entry.url }, local });
    const client = await stage.start();
    await client.listTools();
    expect(textOf(await logIn(client, 'local'))).toContain('local');
    expect(stage.browser.opened()).toEqual([]);
  });
});
