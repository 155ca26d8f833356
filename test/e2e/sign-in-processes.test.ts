import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { browse } from '../support/oauth/browse.ts';
import { nobody } from '../support/oauth/sign-in-browser.ts';
import {
  agreeing,
  delegationOf,
  elicitedBy,
  identityOf,
  OPENS_URLS,
  textOf,
} from '../support/oauth/sign-in-client.ts';
import { type SignInStage, signInStage, whoami } from '../support/oauth/sign-in-stage.ts';
import type { RecordingClient } from '../support/recording-client.ts';

/** Begins a call that nobody waits for any more when the client goes. */
async function beginCall(client: RecordingClient): Promise<void> {
  await client.listTools();
  const params = { name: 'api__whoami', arguments: {} };
  client.send({ jsonrpc: '2.0', id: 'begun', method: 'tools/call', params });
}

/** Two desktop clients with one configuration. */
async function startTwo(stage: SignInStage): Promise<[RecordingClient, RecordingClient]> {
  const clients = await Promise.all([stage.start(), stage.start()]);
  for (const client of clients) await client.listTools();
  return clients;
}

describe('a second desktop client', () => {
  it('joins the login of the first: one browser, one authorization, two answers', async () => {
    const stage = await signInStage({ person: nobody });
    const [one, two] = await startTwo(stage);
    const first = one.callTool('api__whoami');
    const url = await stage.browser.waitForOpening();
    const second = two.callTool('api__whoami');
    await stage.waitForRefused(2);
    await browse(url);
    const expected = await stage.callDirectly('whoami');
    expect(await Promise.all([first, second])).toEqual([expected, expected]);
    expect(stage.browser.opened()).toHaveLength(1);
    expect(stage.authorizations()).toBe(1);
    expect(stage.provider.seen.at('token')).toHaveLength(1);
    expect(stage.server.authorizations()).toHaveLength(1);
  });

  it('begins no second login when both ask at the same moment', async () => {
    const stage = await signInStage();
    const clients = await startTwo(stage);
    const results = await Promise.all(clients.map((client) => client.callTool('api__whoami')));
    const expected = await stage.callDirectly('whoami');
    expect(results).toEqual([expected, expected]);
    expect(stage.browser.opened()).toHaveLength(1);
    expect(stage.authorizations()).toBe(1);
    expect(stage.provider.seen.at('register')).toHaveLength(1);
  });

  it('opens addresses, too, and asks nobody for the login that the first has asked for', async () => {
    const stage = await signInStage();
    const people = [0, 1].map(() =>
      elicitedBy(async ({ url }) => {
        await stage.waitForRefused(2);
        void browse(String(url));
        return { action: 'accept' };
      }),
    );
    const clients = await Promise.all(
      people.map(({ respond }) => stage.start({ capabilities: OPENS_URLS, respond })),
    );
    for (const client of clients) await client.listTools();
    const results = await Promise.all(clients.map((client) => client.callTool('api__whoami')));
    const expected = await stage.callDirectly('whoami');
    expect(results).toEqual([expected, expected]);
    expect(people.flatMap(({ params }) => params)).toHaveLength(1);
    expect(stage.authorizations()).toBe(1);
  });

  it('without a screen is given the address of the login that is under way', async () => {
    const stage = await signInStage({ person: nobody, serve: { login_wait: 2 } });
    const [one, two] = await Promise.all([stage.start(), stage.startHeadless()]);
    const [first, second] = [delegationOf(await whoami(one)), delegationOf(await whoami(two))];
    expect(stage.browser.opened()).toEqual([first.authorize_url]);
    expect(second).toEqual(first);
    await browse(second.authorize_url);
    const expected = await stage.callDirectly('whoami');
    expect([await whoami(one), await whoami(two)]).toEqual([expected, expected]);
    expect(stage.authorizations()).toBe(1);
  });
});

describe('when the first of two clients goes in the middle', () => {
  it('the second opens the browser itself for the call that waits', async () => {
    const stage = await signInStage({ person: nobody });
    const [one, two] = await startTwo(stage);
    await beginCall(one);
    const dead = await stage.browser.waitForOpening();
    const waiting = two.callTool('api__whoami');
    await stage.waitForRefused(2);
    // Until it has joined: nothing is to be seen of that.
    await sleep(1000);
    expect(stage.browser.opened()).toEqual([dead]);
    await one.close();
    await browse(await stage.browser.waitForOpening(2));
    expect(await waiting).toEqual(await stage.callDirectly('whoami'));
    expect(stage.authorizations()).toBe(1);
  });

  it('the second is given an address that works', async () => {
    const stage = await signInStage({ serve: { login_wait: 2 }, person: nobody });
    const [one, two] = await Promise.all([stage.startHeadless(), stage.startHeadless()]);
    const [first, joined] = [delegationOf(await whoami(one)), delegationOf(await whoami(two))];
    expect(joined).toEqual(first);
    await one.close();
    const { authorize_url } = delegationOf(await whoami(two));
    expect(authorize_url).not.toBe(first.authorize_url);
    await browse(authorize_url);
    expect(await whoami(two)).toEqual(await stage.callDirectly('whoami'));
  });
});

it('a login in a terminal lets the call go on that waits for one', async () => {
  const stage = await signInStage({ person: nobody });
  const client = await stage.start();
  await client.listTools();
  const waiting = client.callTool('api__whoami');
  await stage.browser.waitForOpening();
  expect(await stage.home.logIn(['api'], { user: 'dora' })).toMatchObject({ code: 0 });
  expect(identityOf(await waiting)).toMatchObject({ subject: 'dora' });
  expect(stage.browser.opened()).toHaveLength(1);
  expect(stage.authorizations()).toBe(1);
});

it('a login in a terminal makes it needless to ask: the question is withdrawn', async () => {
  const stage = await signInStage();
  const never = elicitedBy(() => new Promise(() => undefined));
  const client = await stage.start({ capabilities: OPENS_URLS, respond: never.respond });
  await client.listTools();
  const waiting = client.callTool('api__whoami');
  const asked = await client.waitForMessage(({ method }) => method === 'elicitation/create');
  expect(await stage.home.logIn(['api'], { user: 'dora' })).toMatchObject({ code: 0 });
  expect(identityOf(await waiting)).toMatchObject({ subject: 'dora' });
  expect(await client.waitForNotification('notifications/cancelled')).toMatchObject({
    params: { requestId: asked['id'] },
  });
  expect(stage.authorizations()).toBe(1);
});

describe('a client that goes in the middle of a login', () => {
  it.each<[string, (client: RecordingClient) => Promise<unknown>]>([
    [
      'closes its end',
      async (client) => expect(await client.close()).toMatchObject({ code: 0, killed: false }),
    ],
    [
      'ends serve by a signal',
      async (client) => {
        client.kill('SIGTERM');
        expect(await client.waitForExit()).toEqual({ code: 130, signal: null });
      },
    ],
    [
      'kills serve',
      (client) => {
        client.kill('SIGKILL');
        return client.waitForExit();
      },
    ],
  ])('and %s: the login is over, and the next client can begin', async (_, leave) => {
    const stage = await signInStage({ person: nobody });
    const gone = await stage.start();
    await beginCall(gone);
    const dead = await stage.browser.waitForOpening();
    await leave(gone);
    await expect(fetch(dead)).rejects.toThrow();

    const client = await stage.start();
    await client.listTools();
    const waiting = client.callTool('api__whoami');
    const url = await stage.browser.waitForOpening(2);
    expect(url).not.toBe(dead);
    await browse(url);
    expect(await waiting).toEqual(await stage.callDirectly('whoami'));
    expect(stage.authorizations()).toBe(1);
    await client.close();
    const left = [...(await stage.home.files()).keys()];
    expect(left.filter((file) => /sign-ins?[/-].*(?<!\.free)$/.test(file))).toEqual([]);
  });
});

/** Makes a program believe that it is so many minutes later. */
function later(minutes: number): { NODE_OPTIONS: string } {
  const shift = `const now = Date.now; Date.now = () => now() + ${minutes * 60_000};`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}` };
}

describe('a login that was refused by its person', () => {
  it('is asked for no more for ten minutes, by no client and after no restart', async () => {
    let deny = true;
    const stage = await signInStage({ person: (url) => browse(url, { deny }) });
    const { respond, params } = agreeing();
    const one = await stage.start();
    const two = await stage.start({ capabilities: OPENS_URLS, respond });
    const denied = await whoami(one);
    expect(textOf(denied)).toMatch(/denied/i);
    const addresses = new Set<string>();
    const expectLeftAlone = async (client: RecordingClient) => {
      addresses.add(delegationOf(await whoami(client)).authorize_url);
      expect(stage.browser.opened()).toHaveLength(1);
      expect(params).toEqual([]);
    };
    await expectLeftAlone(one);
    await expectLeftAlone(two);
    // The second has joined the fresh attempt of the first.
    expect(addresses.size).toBe(1);
    await Promise.all([one.close(), two.close()]);
    for (const minutes of [0, 9]) {
      const again = await stage.start({ env: later(minutes) });
      await expectLeftAlone(again);
      await again.close();
    }
    deny = false;
    const afterwards = await stage.start({ env: later(11) });
    expect(identityOf(await whoami(afterwards))).toMatchObject({ subject: 'alice' });
    expect(stage.browser.opened()).toHaveLength(2);
  });
});
