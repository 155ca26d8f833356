import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { browse } from '../support/oauth/browse.ts';
import { nobody } from '../support/oauth/sign-in-browser.ts';
import { startClient } from '../support/oauth/sign-in-client.ts';
import { signInStage } from '../support/oauth/sign-in-stage.ts';
import { createMasterStage, refusalOf } from '../support/oauth/strategy-stage.ts';
import { startWitness, type Witness } from '../support/oauth/strategy-witness.ts';
import {
  TOOLS_CHANGED,
  toolNames,
  waitForTools,
  whileReloading,
} from '../support/recording/reload-stage.ts';

const BUILT_IN = ['mcp-master__login', 'mcp-master__status'];

/** Its tools may be listed by anybody: no strategy, so that it is left to the server what it wants. */
function openly({ url }: { url: string }) {
  return { url };
}

function handshakes({ heard }: Witness): number {
  return heard.filter(({ body }) => body.includes('"initialize"')).length;
}

describe('a server that is new and needs a login', () => {
  it('brings the built-in tools with it, and can be logged in to', async () => {
    const stage = await signInStage({ protection: {} });
    const { home, entry } = stage;
    const open = await startWitness();
    const bypass = { url: open.url, auth_strategy: 'bypass_auth' };
    await home.configure({ open: bypass });
    const client = await stage.start();
    await waitForTools(client, ['open__echo', 'open__erase', 'open__whoami']);
    await whileReloading(client, () => home.configure({ open: bypass, api: openly(entry) }));
    await client.waitForNotification(TOOLS_CHANGED);
    await waitFor(async () => (await toolNames(client)).includes('mcp-master__login'));
    expect(await toolNames(client)).toEqual(expect.arrayContaining(BUILT_IN));
    const login = await client.callTool('mcp-master__login', { server: 'api' });
    expect(JSON.stringify(login)).toContain('Logged in to api');
    expect(await client.callTool('api__whoami')).not.toMatchObject({ isError: true });
    expect(handshakes(open)).toBe(1);
  });

  it('takes the built-in tools with it when it goes, or when they are switched off', async () => {
    const delegating = { auth_strategy: 'delegate_oauth' };
    const { home, entry, startHeadless } = await signInStage({ entry: delegating });
    const api = { url: entry.url, ...delegating };
    const client = await startHeadless();
    expect(await toolNames(client)).toEqual(BUILT_IN);
    await whileReloading(client, () =>
      home.configure({ api }, { serve: { builtin_tools: false } }),
    );
    await client.waitForNotification(TOOLS_CHANGED);
    expect(await toolNames(client)).toEqual([]);
    await whileReloading(client, () => home.configure({ api }));
    await client.waitForNotification(TOOLS_CHANGED, 2);
    expect(await toolNames(client)).toEqual(BUILT_IN);
    await whileReloading(client, () => home.configure({}));
    await client.waitForNotification(TOOLS_CHANGED, 3);
    expect(await toolNames(client)).toEqual([]);
  });

  it('is seen by a login that another process makes', async () => {
    const stage = await signInStage({ serve: { login_wait: 1 } });
    const { home, entry, startHeadless } = stage;
    await home.configure({});
    const client = await startHeadless();
    expect(await toolNames(client)).toEqual([]);
    await whileReloading(client, () =>
      home.configure({ api: openly(entry) }, { serve: { login_wait: 1 } }),
    );
    await waitFor(async () => (await toolNames(client)).includes('api__whoami'));
    expect(await refusalOf(client, 'api')).toContain('needs a login');
    expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
    await waitFor(async () => (await refusalOf(client, 'api')) === undefined);
  });
});

describe('how long a call waits for a login', () => {
  it('is that of the new configuration', async () => {
    const { home, entry, startHeadless } = await signInStage();
    const client = await startHeadless();
    await waitFor(async () => (await toolNames(client)).includes('api__whoami'));
    await whileReloading(client, () =>
      home.configure({ api: openly(entry) }, { serve: { login_wait: 0 } }),
    );
    // It would wait for an hour under the one before.
    expect(await refusalOf(client, 'api')).toContain('needs a login');
  });
});

describe("the master's token", () => {
  it('is taken from the .env file as it is now, for the servers that use it and no others', async () => {
    const stage = await createMasterStage();
    const [one, open] = [await stage.startServer(), await startWitness()];
    await stage.home.configure({
      one: { url: one.url, auth_strategy: 'master_oauth' },
      open: { url: open.url, auth_strategy: 'bypass_auth' },
    });
    const [first, second] = [await stage.issue(), await stage.issue()];
    const write = (token: string) =>
      writeFile(join(stage.home.path, '.env'), `MCP_MASTER_TOKEN=${token}\n`, { mode: 0o600 });
    await write(first);
    const client = await startClient(stage.home);
    await waitFor(async () => (await toolNames(client)).length === 6);
    await whileReloading(client, () => write(second));
    expect(await refusalOf(client, 'one')).toBeUndefined();
    expect(await refusalOf(client, 'open')).toBeUndefined();
    expect(one.tokens()).toEqual([first, second]);
    expect(handshakes(open)).toBe(1);
    expect(client.stderr).not.toContain(second);
  });

  it('follows a block that is written later, for the servers that use it', async () => {
    const stage = await createMasterStage();
    const [one, open] = [await stage.startServer(), await startWitness()];
    const servers = {
      one: { url: one.url, auth_strategy: 'master_oauth' },
      open: { url: open.url, auth_strategy: 'bypass_auth' },
    };
    await stage.home.configure(servers, { master_oauth: stage.block });
    const token = await stage.logIn();
    await stage.home.configure(servers);
    const client = await startClient(stage.home);
    await waitFor(async () => (await toolNames(client)).includes('open__echo'));
    expect(one.tokens()).toEqual([]);
    await whileReloading(client, () =>
      stage.home.configure(servers, { master_oauth: stage.block }),
    );
    await waitFor(async () => (await toolNames(client)).includes('one__echo'));
    expect(await refusalOf(client, 'one')).toBeUndefined();
    expect(one.tokens()).toEqual([token]);
    expect(handshakes(open)).toBe(1);
  });
});

describe('a call that waits for a login', () => {
  /** Ends the login in the browser when the test says so. */
  async function startWaiting() {
    const stage = await signInStage({ person: nobody });
    const client = await stage.start();
    await waitFor(async () => (await toolNames(client)).includes('api__whoami'));
    const call = client.request('tools/call', { name: 'api__whoami', arguments: {} });
    const address = await stage.browser.waitForOpening();
    return { ...stage, client, call, logIn: () => browse(address) };
  }

  it.each<[string, (stage: Awaited<ReturnType<typeof startWaiting>>) => Promise<unknown>]>([
    [
      'its own server changes',
      ({ home, entry }) => home.configure({ api: { ...openly(entry), timeout: 50 } }),
    ],
    [
      'a variable changes',
      ({ home }) => writeFile(join(home.path, '.env'), 'NEW=1\n', { mode: 0o600 }),
    ],
  ])('is answered when that is made, although %s meanwhile', async (_, change) => {
    const stage = await startWaiting();
    await whileReloading(stage.client, () => change(stage));
    await stage.logIn();
    const { result } = await stage.call;
    expect(result).toBeDefined();
    expect(result).not.toMatchObject({ isError: true });
    expect(stage.browser.opened()).toHaveLength(1);
  });

  it('is told that its server is gone', async () => {
    const { home, client, call, logIn } = await startWaiting();
    await whileReloading(client, () => home.configure({}));
    await logIn();
    expect(await call).toMatchObject({ error: { data: { code: 'UNKNOWN_SERVER' } } });
  });
});
