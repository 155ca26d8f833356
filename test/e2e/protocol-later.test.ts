import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { paramsOf, SCHEMA, useStage } from '../support/recording/stage.ts';
import type { RecordingBackend } from '../support/recording.ts';
import type { RecordingClient } from '../support/recording-client.ts';

/** What a client has asked of servers is repeated to those that come up later, or anew. */

const SCRIPT = {
  initialize: { capabilities: { tools: {}, resources: { subscribe: true }, logging: {} } },
  tools: [{ name: 'play', ...SCHEMA }],
  lists: {
    'resources/list': [
      { uri: 'file:///a', name: 'a' },
      { uri: 'file:///b', name: 'b' },
    ],
  },
  calls: { play: 'arguments' },
  methods: {
    'resources/subscribe': { result: {} },
    'resources/unsubscribe': { result: {} },
    'logging/setLevel': { result: {} },
  },
};
const SLOW = { initialize: { steps: [{ wait: 700 }] } };

const stage = useStage();

/** Ends a stdio server from inside and waits until it is up again and has been asked something. */
async function restart(client: RecordingClient, name: string, server: RecordingBackend) {
  const starts = () => server.lines().filter(({ event }) => event === 'start').length;
  const before = starts();
  await client.request('tools/call', {
    name: `${name}__play`,
    arguments: { steps: [{ exit: 1 }] },
  });
  await waitFor(async () => {
    const { result } = await client.request('tools/call', { name: `${name}__play` });
    return result !== undefined && starts() > before;
  });
}

/** The params of a method since the server was started last. */
function sinceStart(server: RecordingBackend, method: string): (JsonObject | undefined)[] {
  const lines = server.lines();
  const from = lines.findLastIndex(({ event }) => event === 'start');
  const messages = lines
    .slice(from)
    .flatMap(({ dir, message }) =>
      dir === 'in' && message?.['method'] === method ? [message] : [],
    );
  return paramsOf(messages);
}

/** What a server has of a method when nothing more can come: it has answered a call since. */
async function settled(client: RecordingClient, name: string, server: RecordingBackend) {
  await client.callTool(`${name}__play`);
  return (method: string) => sinceStart(server, method);
}

describe('the log level', () => {
  it('reaches a server that comes up after it was set, and none that does not log', async () => {
    const late = await stage.backend('late', {
      ...SCRIPT,
      methods: { ...SCRIPT.methods, ...SLOW },
    });
    const remote = await stage.backend('remote', SCRIPT, 'http');
    const mute = await stage.backend('mute', {
      ...SCRIPT,
      initialize: { capabilities: { tools: {} } },
    });
    const client = await stage.serve({ late, remote, mute });
    await client.result('logging/setLevel', { level: 'warning' });
    await client.listTools();
    for (const [name, server] of Object.entries({ late, remote })) {
      const got = await settled(client, name, server);
      expect(got('logging/setLevel')).toStrictEqual([{ level: 'warning' }]);
    }
    const got = await settled(client, 'mute', mute);
    expect(got('logging/setLevel')).toEqual([]);
  });

  it('reaches a server that is started anew, as it was set last', async () => {
    const alpha = await stage.backend('alpha', SCRIPT);
    const client = await stage.serve({ alpha });
    await client.listTools();
    for (const level of ['debug', 'error']) await client.result('logging/setLevel', { level });
    await restart(client, 'alpha', alpha);
    const got = await settled(client, 'alpha', alpha);
    expect(got('logging/setLevel')).toStrictEqual([{ level: 'error' }]);
  });

  it('is refused when the specification does not have it', async () => {
    const alpha = await stage.backend('alpha', SCRIPT);
    const client = await stage.serve({ alpha });
    await client.listTools();
    for (const params of [{ level: 'loud' }, { level: 3 }, {}]) {
      expect((await client.request('logging/setLevel', params)).error?.code).toBe(-32602);
    }
    const got = await settled(client, 'alpha', alpha);
    expect(got('logging/setLevel')).toEqual([]);
  });
});

describe('subscriptions', () => {
  it('reach a server that is started anew, but for those that have ended', async () => {
    const alpha = await stage.backend('alpha', SCRIPT);
    const client = await stage.serve({ alpha });
    await client.listTools();
    for (const uri of ['file:///a', 'file:///b'])
      await client.result('resources/subscribe', { uri });
    await client.result('resources/unsubscribe', { uri: 'file:///b' });
    await restart(client, 'alpha', alpha);
    const got = await settled(client, 'alpha', alpha);
    expect(got('resources/subscribe')).toStrictEqual([{ uri: 'file:///a' }]);
  });

  it('are repeated under the own URI of the server, and told under the one of the client', async () => {
    const [alpha, beta] = [
      await stage.backend('alpha', SCRIPT),
      await stage.backend('beta', SCRIPT),
    ];
    const client = await stage.serve({ alpha, beta });
    await client.listTools();
    const uri = `mcp-master://beta/${encodeURIComponent('file:///a')}`;
    await client.result('resources/subscribe', { uri });
    await restart(client, 'beta', beta);
    const got = await settled(client, 'beta', beta);
    expect(got('resources/subscribe')).toStrictEqual([{ uri: 'file:///a' }]);
    const method = 'notifications/resources/updated';
    const notify = { method, params: { uri: 'file:///a' } };
    await client.callTool('beta__play', { steps: [{ notify }] });
    expect(await client.waitForNotification(method)).toMatchObject({ params: { uri } });
  });

  it('are not repeated when the server has refused them', async () => {
    const refused = { error: { code: -32002, message: 'Not to be followed' } };
    const methods = { ...SCRIPT.methods, 'resources/subscribe': refused };
    const alpha = await stage.backend('alpha', { ...SCRIPT, methods });
    const client = await stage.serve({ alpha });
    await client.listTools();
    expect(await client.request('resources/subscribe', { uri: 'file:///a' })).toMatchObject(
      refused,
    );
    await restart(client, 'alpha', alpha);
    const got = await settled(client, 'alpha', alpha);
    expect(got('resources/subscribe')).toEqual([]);
  });

  it('reach a server once that has to be started for them', async () => {
    const alpha = await stage.backend('alpha', SCRIPT);
    const first = await stage.serve({ alpha });
    await first.listTools();
    await first.close();
    const second = await stage.serve({ alpha });
    await second.result('resources/subscribe', { uri: 'file:///a' });
    const got = await settled(second, 'alpha', alpha);
    expect(got('resources/subscribe')).toStrictEqual([{ uri: 'file:///a' }]);
  });
});
