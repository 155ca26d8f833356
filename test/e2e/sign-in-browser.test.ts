import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { hasChromium } from '../support/chromium.ts';
import { createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import { browse } from '../support/oauth/browse.ts';
import { browseWithChromium } from '../support/oauth/browse-chromium.ts';
import { nobody, startScreenBrowser } from '../support/oauth/sign-in-browser.ts';
import {
  authorizeAddress,
  delegationOf,
  expectIncreasing,
  identityOf,
  progressOf,
  startClient,
  textOf,
} from '../support/oauth/sign-in-client.ts';
import { signInStage, whoami } from '../support/oauth/sign-in-stage.ts';
import type { RecordingClient } from '../support/recording-client.ts';

describe('the browser', () => {
  it('opens once for two calls, and both are answered as if there were no proxy', async () => {
    const stage = await signInStage({
      person: async (url) => {
        await stage.waitForRefused(2);
        return browse(url);
      },
    });
    const client = await stage.start();
    await client.listTools();
    const [who, echo] = await Promise.all([
      client.callTool('api__whoami'),
      client.callTool('api__echo', { text: 'hello' }),
    ]);
    expect(who).toEqual(await stage.callDirectly('whoami'));
    expect(echo).toEqual(await stage.callDirectly('echo', { text: 'hello' }));
    expect(stage.browser.opened()).toEqual([expect.stringMatching(authorizeAddress('api'))]);
    expect(await stage.browser.page()).toMatchObject({ status: 200 });
    const { seen } = stage.provider;
    for (const endpoint of ['register', 'authorize', 'token'] as const) {
      expect(seen.at(endpoint)).toHaveLength(1);
    }
    expect(stage.server.ran().toSorted()).toEqual(['echo', 'echo', 'whoami', 'whoami']);
    expect((await stage.home.json(['auth', 'status'])).value).toMatchObject([
      { server: 'api', state: 'logged_in' },
    ]);
  });

  it('opens for each of two servers, and each gets its own token', async () => {
    const home = await createAuthHome();
    const pairs = [
      await startPair({}, { guard: 'calls' }),
      await startPair({}, { guard: 'calls' }),
    ] as const;
    const [one, two] = pairs;
    await home.configure({ one: { url: one.entry.url }, two: { url: two.entry.url } });
    const users = [browseAs('alice'), browseAs('bob')];
    const browser = await startScreenBrowser(async (url) => {
      // Both are under way before either goes on.
      await waitFor(() => browser.opened().length === 2, { what: 'the other one' });
      return users[url.includes('server_id=one') ? 0 : 1]?.(url);
    });
    const client = await startClient(home, { env: browser.env });
    await client.listTools();
    const answers = await Promise.all(
      ['one', 'two'].map((name) => client.callTool(`${name}__whoami`)),
    );
    expect(answers.map(identityOf)).toMatchObject([
      { subject: 'alice', audience: one.server.url.href },
      { subject: 'bob', audience: two.server.url.href },
    ]);
    expect(browser.opened()).toHaveLength(2);
    for (const { provider, server } of pairs) {
      const tokens = server.authorizations().map((value) => value.replace(/^Bearer /, ''));
      expect(tokens).toHaveLength(1);
      for (const token of tokens) expect(await provider.check(token)).toBeDefined();
      expect(provider.seen.at('authorize')).toHaveLength(1);
    }
  });

  it('opens anew when the provider has ended the login of a server that guards everything', async () => {
    const stage = await signInStage({ protection: {} });
    await stage.home.logIn(['api']);
    const client = await stage.start();
    const before = await whoami(client);
    expect(stage.browser.opened()).toEqual([]);
    await stage.endLogins();
    expect(await whoami(client)).toEqual(before);
    expect(stage.browser.opened()).toHaveLength(1);
    expect(stage.authorizations()).toBe(2);
    expect(stage.provider.seen.reused).toEqual([]);
  });

  it.each<[string, JsonObject, Record<string, string>]>([
    ['serve.browser is never', { browser: 'never' }, {}],
    ['MCP_MASTER_BROWSER is never', {}, { MCP_MASTER_BROWSER: 'never' }],
    ['HEADLESS is true', {}, { HEADLESS: 'true' }],
    ['there is no screen', {}, { BROWSER: '' }],
  ])('stays closed when %s: the answer comes at once', async (_, serve, env) => {
    const stage = await signInStage({ serve });
    const client = await stage.start({ env });
    const { authorize_url } = delegationOf(await whoami(client));
    await browse(authorize_url);
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
    expect(stage.browser.opened()).toEqual([]);
    expect(stage.authorizations()).toBe(1);
  });

  it('that can not be opened is not waited for', async () => {
    const stage = await signInStage();
    const { BROWSER = '' } = stage.browser.env;
    await writeFile(BROWSER, '#!/bin/sh\nexit 1\n');
    const client = await stage.start();
    await browse(delegationOf(await whoami(client)).authorize_url);
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
  });

  it.skipIf(!hasChromium)('can be a real one', async () => {
    const stage = await signInStage({
      person: (url) => browseWithChromium(url, { user: 'carol' }),
    });
    const client = await stage.start();
    const result = await whoami(client);
    expect(identityOf(result)).toMatchObject({ subject: 'carol' });
    const page = await stage.browser.page();
    expect(page?.url.pathname).toBe('/oauth/success');
    expect(page?.text).toContain('Logged in to api');
  });
});

describe('a call that waits for a login', () => {
  it('tells whoever asked for it of its progress, which goes on in the server', async () => {
    const stage = await signInStage({
      protection: { guard: 'calls', count: true },
      person: async (url) => {
        await waitFor(() => progressOf(client, 'count').length >= 2, {
          ...{ deadline: 30_000, what: 'progress' },
        });
        return browse(url);
      },
    });
    const client = await stage.start();
    await client.listTools();
    const count = { to: 3, pause: 1 };
    const [counted, silent] = await Promise.all([
      client.callTool('api__count', count, { progressToken: 'count' }),
      client.callTool('api__count', count),
    ]);
    expect([counted, silent].map(textOf)).toEqual(['3', '3']);
    const told = progressOf(client, 'count');
    const waiting = told.filter(({ message }) => message !== undefined);
    expect(waiting.length).toBeGreaterThanOrEqual(2);
    for (const { message } of waiting) expect(message).toContain('api');
    // The server's own three come after those of the waiting.
    expect(told.slice(0, waiting.length)).toEqual(waiting);
    expect(told).toHaveLength(waiting.length + 3);
    expectIncreasing(told);
    await client.callTool('api__echo', { text: 'hello' }, { progressToken: 'later' });
    expect(client.notifications('notifications/progress')).toHaveLength(told.length);
  });

  it.each([0, 2])(
    'is answered after %s seconds at most, and the login goes on',
    async (seconds) => {
      const stage = await signInStage({ serve: { login_wait: seconds }, person: nobody });
      const client = await stage.start();
      const { authorize_url } = delegationOf(await whoami(client));
      expect(await stage.browser.waitForOpening()).toBe(authorize_url);
      await browse(authorize_url);
      expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
      expect(stage.browser.opened()).toHaveLength(1);
      expect(stage.authorizations()).toBe(1);
    },
  );

  it('leaves the login to go on when it is cancelled', async () => {
    const stage = await signInStage({ person: nobody });
    const client = await stage.start();
    await client.listTools();
    const params = { name: 'api__whoami', arguments: {} };
    client.send({ jsonrpc: '2.0', id: 'cancelled', method: 'tools/call', params });
    const url = await stage.browser.waitForOpening();
    client.notify('notifications/cancelled', { requestId: 'cancelled' });
    expect((await browse(url)).text).toContain('Logged in to api');
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
    expect(stage.browser.opened()).toHaveLength(1);
    expect(stage.authorizations()).toBe(1);
    expect(client.strayAnswers).toEqual([]);
    // Nobody wants it any more: it is not carried out.
    expect(stage.server.ran()).toEqual(['whoami', 'whoami']);
  });

  it('keeps no other request waiting', async () => {
    const stage = await signInStage({ person: nobody });
    const client = await stage.start();
    await client.listTools();
    const waiting = client.callTool('api__whoami');
    const url = await stage.browser.waitForOpening();
    expect(await client.result('ping')).toEqual({});
    expect(await toolNames(client)).toContain('api__whoami');
    await browse(url);
    expect(await waiting).toEqual(await stage.callDirectly('whoami'));
  });
});

function browseAs(user: string) {
  return (url: string) => browse(url, { user });
}

async function toolNames(client: RecordingClient): Promise<unknown[]> {
  return (await client.listTools()).map(({ name }) => name);
}
