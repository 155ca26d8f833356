import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { startPair } from '../support/oauth/auth-home.ts';
import { nobody, startScreenBrowser } from '../support/oauth/sign-in-browser.ts';
import { delegationOf, identityOf, startClient, textOf } from '../support/oauth/sign-in-client.ts';
import { signInStage, whoami } from '../support/oauth/sign-in-stage.ts';

/** A port for a provider that knows one redirect address alone. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const LOGIN = 'mcp-master__login';
const SERVER = { server: 'api' };

/** A login with a fixed redirect, which one process at a time can wait for. */
async function fixedStage() {
  const port = await freePort();
  const entry = { auth_strategy: 'delegate_oauth', auth_config: { redirect_port: port } };
  const stage = await signInStage({ entry, person: nobody });
  return { stage, port };
}

it('gives its fixed port to the command that its answer names', async () => {
  const { stage, port } = await fixedStage();
  const client = await stage.startHeadless();
  const { authorize_url, login_command } = delegationOf(await client.callTool(LOGIN, SERVER));
  expect(new URL(authorize_url).port).toBe(String(port));
  expect(login_command).toBe('mcp-master auth login --server=api');
  expect(await stage.home.logIn(['api'])).toMatchObject({ code: 0 });
  expect(identityOf(await whoami(client))).toMatchObject({ subject: 'alice' });
  expect(stage.authorizations()).toBe(1);
});

it('goes on to wait for the call that waits already, and answers it after that login', async () => {
  const { stage } = await fixedStage();
  const client = await stage.start();
  const waiting = client.callTool(LOGIN, SERVER);
  await stage.browser.waitForOpening();
  expect(await stage.home.logIn(['api'])).toMatchObject({ code: 0 });
  expect(textOf(await waiting)).toContain('Logged in to api');
  expect(stage.browser.opened()).toHaveLength(1);
});

it('makes no room at a port that another program has', async () => {
  const { stage, port } = await fixedStage();
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  try {
    const { code, stderr } = await stage.home.run(['auth', 'login', '--server=api']);
    expect(code).toBe(4);
    expect(stderr).toContain(`${port}`);
  } finally {
    other.close();
  }
});

it('lets a second server with the same port have its login after the first', async () => {
  const { stage, port } = await fixedStage();
  const other = await startPair(undefined, { guard: 'calls' });
  const entry = { auth_strategy: 'delegate_oauth', auth_config: { redirect_port: port } };
  await stage.home.configure({
    api: { url: stage.entry.url, ...entry },
    other: { url: other.entry.url, ...entry },
  });
  const browser = await startScreenBrowser();
  const client = await startClient(stage.home, { env: browser.env });
  const logIn = (server: string) => client.callTool(LOGIN, { server });
  const [first, second] = await Promise.all([logIn('api'), logIn('other')]);
  expect(textOf(first)).toContain('Logged in to api');
  expect(textOf(second)).toContain('Logged in to other');
  expect(browser.opened()).toHaveLength(2);
});
