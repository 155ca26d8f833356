import { expect, it } from 'vitest';
import { listen } from '../support/oauth/http-listener.ts';
import type { KnownClient } from '../support/oauth/provider-configuration.ts';
import { startScreenBrowser } from '../support/oauth/sign-in-browser.ts';
import { startClient, textOf } from '../support/oauth/sign-in-client.ts';
import { createMasterStage } from '../support/oauth/strategy-stage.ts';

const SECRET = 'the-secret-of-the-known-client';

/** A master that proves itself by a stored secret at a provider that registers nobody. */
async function knownStage() {
  const { origin, close } = await listen(() => {});
  await close();
  const port = Number(new URL(origin).port);
  const known: KnownClient = {
    ...{ client_id: 'known', client_secret: SECRET },
    redirect_uris: [`http://127.0.0.1:${port}/oauth/callback`],
    token_endpoint_auth_method: 'client_secret_basic',
  };
  const stage = await createMasterStage({ clients: [known] }, { MCP_MASTER_BROWSER: 'on_call' });
  const one = await stage.startServer();
  const client = { client_id: 'known', client_secret: 'keyring:known', redirect_port: port };
  const entry = { url: one.url, auth_strategy: 'master_oauth' };
  await stage.home.configure({ one: entry }, { master_oauth: { ...stage.block, ...client } });
  await stage.home.run(['secret', 'set', 'known'], { input: SECRET });
  return { stage, one };
}

it('logs in, renews and logs out with a stored client secret', async () => {
  const { stage, one } = await knownStage();
  expect(await stage.home.logIn(['master'])).toMatchObject({ code: 0 });
  expect(await stage.home.json(['auth', 'refresh', '--server=master'])).toMatchObject({ code: 0 });
  const client = await stage.home.serve();
  await client.listTools();
  await client.callTool('one__whoami');
  expect(one.heard.length).toBeGreaterThan(0);
  const { value } = await stage.home.json(['auth', 'logout', '--server=master']);
  expect(value).toEqual([{ server: 'master', removed: true, revoked: true }]);
});

it('logs in so from within a client, too', async () => {
  const { stage } = await knownStage();
  const browser = await startScreenBrowser();
  const client = await startClient(stage.home, { env: browser.env });
  const answer = await client.callTool('mcp-master__login', { server: 'one' });
  expect(textOf(answer)).toContain('Logged in to one');
  expect(browser.opened()).toHaveLength(1);
});
