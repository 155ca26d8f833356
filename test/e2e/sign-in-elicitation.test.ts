import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  ElicitationCompleteNotificationSchema,
  ElicitRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { BIN, strippedEnv, waitFor } from '../support/bin.ts';
import { browse } from '../support/oauth/browse.ts';
import {
  agreeing,
  authorizeAddress,
  delegationOf,
  elicitedBy,
  OPENS_URLS,
  textOf,
} from '../support/oauth/sign-in-client.ts';
import { signInStage, whoami } from '../support/oauth/sign-in-stage.ts';

const COMPLETE = 'notifications/elicitation/complete';

describe('a client that opens addresses for its person', () => {
  it('is asked to, and its call is answered as if there were no proxy', async () => {
    // Neither matters here: the client opens the address, not serve.
    const stage = await signInStage({ serve: { browser: 'never' } });
    const { respond, params } = agreeing();
    const client = await stage.start({
      ...{ capabilities: OPENS_URLS, respond, env: { HEADLESS: 'true' } },
    });
    const result = await whoami(client);
    expect(result).toEqual(await stage.callDirectly('whoami'));
    expect(params).toEqual([
      {
        mode: 'url',
        message: expect.stringContaining('api'),
        url: expect.stringMatching(authorizeAddress('api')),
        elicitationId: expect.stringMatching(/./),
      },
    ]);
    expect(await client.waitForNotification(COMPLETE)).toEqual({
      ...{ jsonrpc: '2.0', method: COMPLETE },
      params: { elicitationId: params[0]?.['elicitationId'] },
    });
    expect(stage.authorizations()).toBe(1);
    expect(stage.server.ran()).toEqual(['whoami', 'whoami']);
    await client.callTool('api__echo', { text: 'again' });
    expect(params).toHaveLength(1);
    expect(client.notifications(COMPLETE)).toHaveLength(1);
    expect(stage.browser.opened()).toEqual([]);
  });

  it('is asked once, however many calls wait for it', async () => {
    const stage = await signInStage();
    const { respond, params } = elicitedBy(async ({ url }) => {
      await stage.waitForRefused(3);
      await browse(String(url));
      return { action: 'accept' };
    });
    const client = await stage.start({ capabilities: OPENS_URLS, respond });
    await client.listTools();
    const texts = ['one', 'two', 'three'];
    const results = await Promise.all(texts.map((text) => client.callTool('api__echo', { text })));
    expect(results.map(textOf)).toEqual(texts);
    expect(stage.server.ran()).toEqual(['echo', 'echo', 'echo']);
    expect(params).toHaveLength(1);
    expect(stage.authorizations()).toBe(1);
    expect(stage.provider.seen.at('register')).toHaveLength(1);
  });

  it('is told of a login that is made after the call was answered', async () => {
    const stage = await signInStage({ serve: { login_wait: 2 } });
    const { respond, params } = elicitedBy(async () => ({ action: 'accept' }));
    const client = await stage.start({ capabilities: OPENS_URLS, respond });
    const { authorize_url } = delegationOf(await whoami(client));
    expect(client.notifications(COMPLETE)).toEqual([]);
    await browse(authorize_url);
    expect(await client.waitForNotification(COMPLETE)).toMatchObject({
      params: { elicitationId: params[0]?.['elicitationId'] },
    });
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
    expect(params).toHaveLength(1);
  });

  it('is known to the SDK: its client gets the answer of the tool', async () => {
    const { home, server, browser } = await signInStage();
    const client = new Client(
      { name: 'sdk', version: '1' },
      { capabilities: { elicitation: { url: {} } } },
    );
    const asked: string[] = [];
    const completed: string[] = [];
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      if (params.mode !== 'url') throw new Error(`It asked for a ${params.mode}`);
      asked.push(params.elicitationId);
      void browse(params.url);
      return { action: 'accept' };
    });
    client.setNotificationHandler(ElicitationCompleteNotificationSchema, ({ params }) => {
      completed.push(params.elicitationId);
    });
    const env = strippedEnv(home.path, { ...home.env, ...browser.env });
    const transport = new StdioClientTransport({
      ...{ command: process.execPath, args: [BIN, 'serve'], env, stderr: 'ignore' },
    });
    onTestFinished(() => client.close());
    await client.connect(transport);
    await client.listTools();
    const { content, isError } = await client.callTool({ name: 'api__whoami', arguments: {} });
    expect(isError).toBeFalsy();
    expect(JSON.stringify(content)).toContain(server.url.href);
    await waitFor(() => completed.length > 0, { what: 'the end of the elicitation' });
    expect(completed).toEqual(asked);
    expect(asked).toHaveLength(1);
  });

  it.each(['decline', 'cancel'])(
    'is left alone after "%s", and can still log in',
    async (action) => {
      const stage = await signInStage();
      const { respond, params } = elicitedBy(async () => ({ action }));
      const client = await stage.start({ capabilities: OPENS_URLS, respond });
      const first = delegationOf(await whoami(client));
      const again = delegationOf(await whoami(client));
      for (const { authorize_url } of [first, again]) {
        expect(authorize_url).toMatch(authorizeAddress('api'));
      }
      expect(params).toHaveLength(1);
      expect(stage.browser.opened()).toEqual([]);
      expect(stage.authorizations()).toBe(0);
      expect((await browse(again.authorize_url)).text).toContain('Logged in to api');
      expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
      // A login clears what was declined.
      await stage.endLogins();
      await whoami(client);
      expect(params).toHaveLength(2);
    },
  );

  it('gets the delegation when it can not ask its person after all', async () => {
    const stage = await signInStage();
    const { respond } = elicitedBy(() => Promise.reject(new Error('There is no window')));
    const client = await stage.startHeadless({ capabilities: OPENS_URLS, respond });
    const { authorize_url } = delegationOf(await whoami(client));
    await browse(authorize_url);
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
  });

  it('gets an answer at once when its person says no to the provider', async () => {
    const stage = await signInStage();
    const { respond, params } = elicitedBy(async ({ url }) => {
      void browse(String(url), { deny: true });
      return { action: 'accept' };
    });
    const client = await stage.start({ capabilities: OPENS_URLS, respond });
    const denied = await whoami(client);
    expect(textOf(denied)).toMatch(/denied/i);
    expect(delegationOf(denied)).toMatchObject({ server_id: 'api' });
    delegationOf(await whoami(client));
    expect(params).toHaveLength(1);
    expect(stage.browser.opened()).toEqual([]);
    expect(stage.authorizations()).toBe(1);
  });
});

describe('a client that shows forms and opens no addresses', () => {
  it.each<[string, JsonObject]>([
    ['{}', {}],
    ['{"form":{}}', { form: {} }],
  ])('is not asked: with elicitation %s the browser opens', async (_, elicitation) => {
    const stage = await signInStage();
    const { respond, params } = agreeing();
    const client = await stage.start({ capabilities: { elicitation }, respond });
    expect(await whoami(client)).toEqual(await stage.callDirectly('whoami'));
    expect(params).toEqual([]);
    expect(stage.browser.opened()).toEqual([expect.stringMatching(authorizeAddress('api'))]);
    expect(client.notifications(COMPLETE)).toEqual([]);
  });
});
