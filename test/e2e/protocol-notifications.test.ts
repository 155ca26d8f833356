import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { RICH, SCHEMA, useStage } from '../support/recording/stage.ts';
import type { RecordingBackend } from '../support/recording.ts';
import type { RecordingClient } from '../support/recording-client.ts';

/** The notifications of revision 2025-11-25 that are about no request of a server, in both directions. */

const SCRIPT = {
  initialize: {
    capabilities: {
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      prompts: { listChanged: true },
      logging: {},
    },
  },
  tools: [{ name: 'play', ...SCHEMA }],
  lists: {
    'resources/list': [{ uri: 'file:///a', name: 'a' }],
    'resources/templates/list': [],
    'prompts/list': [],
  },
  calls: { play: 'arguments' },
  methods: {
    'resources/read': {
      steps: [{ progress: { progress: 1, ...RICH } }],
      result: { contents: [] },
    },
  },
};

describe.each(['stdio', 'http', 'http-sse-answers', 'sse'] as const)('over %s', (mode) => {
  const stage = useStage('describe');
  let alpha: RecordingBackend;
  let client: RecordingClient;
  let before: number;
  beforeAll(async () => {
    alpha = await stage.backend('alpha', SCRIPT, mode);
    client = await stage.serve({ alpha }, { capabilities: { roots: { listChanged: true } } });
    for (const list of ['tools', 'resources', 'resources/templates', 'prompts']) {
      await client.request(`${list}/list`);
    }
  });
  beforeEach(() => {
    before = client.received.length;
  });

  /** Notifications that the client got in this test, whole. */
  const told = () => client.received.slice(before).filter(({ id }) => id === undefined);

  async function play(...steps: JsonObject[]): Promise<void> {
    await client.callTool('alpha__play', { steps });
  }

  /** A list changes, the server says so, the client is told and finds the new item. */
  async function expectListChanged(method: string, list: string, member: string, item: JsonObject) {
    const items = [item];
    await play({ setList: { method: list, items } }, { notify: { method, params: { ...RICH } } });
    await waitFor(() => told()[0]);
    expect(told()).toStrictEqual([{ jsonrpc: '2.0', method }]);
    expect(await client.result(list)).toStrictEqual({ [member]: items });
  }

  it.each(['token ü', 0, 7])(
    'passes progress of a server on whole, under the token %j of the client, before the answer',
    async (progressToken) => {
      const steps = [
        { progress: { progress: 0.5, total: 2, message: 'ü', ...RICH } },
        { progress: { progress: 1 } },
      ];
      await client.callTool('alpha__play', { steps }, { progressToken, ...RICH._meta });
      expect(client.received.slice(before)).toStrictEqual([
        ...steps.map(({ progress }) => ({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken, ...progress },
        })),
        { jsonrpc: '2.0', id: expect.any(Number), result: expect.any(Object) },
      ]);
      expect(alpha.calls('tools/call').at(-1)?.['params']).toStrictEqual({
        ...{ name: 'play', arguments: { steps } },
        _meta: { progressToken: expect.any(Number), ...RICH._meta },
      });
    },
  );

  it('passes progress of other methods on, too', async () => {
    const params = { uri: 'file:///a', _meta: { progressToken: 'reading' } };
    await client.result('resources/read', params);
    expect(told()).toStrictEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken: 'reading', progress: 1, ...RICH },
      },
    ]);
  });

  it('passes the cancellation of a call on whole, and answers nothing', async () => {
    const params = { name: 'alpha__play', arguments: { steps: [{ wait: 60_000 }] } };
    const calls = alpha.calls('tools/call').length;
    client.send({ jsonrpc: '2.0', id: `slow ü ${mode}`, method: 'tools/call', params });
    const call = await waitFor(() => alpha.calls('tools/call')[calls]);
    client.notify('notifications/cancelled', {
      ...{ requestId: `slow ü ${mode}`, reason: 'ü', ...RICH },
    });
    expect(await waitFor(() => alpha.calls('notifications/cancelled')[0])).toStrictEqual({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId: call['id'], reason: 'ü', ...RICH },
    });
    await play();
    expect(client.received.filter(({ id }) => id === `slow ü ${mode}`)).toEqual([]);
  });

  it('passes log messages on whole, each under the name of its server', async () => {
    const message = { level: 'notice', data: { ...RICH, list: [null] }, ...RICH };
    const method = 'notifications/message';
    await play(
      { notify: { method, params: { ...message, logger: 'db/ü' } } },
      { notify: { method, params: { level: 'debug', data: null } } },
    );
    await waitFor(() => told()[1]);
    expect(told()).toStrictEqual([
      { jsonrpc: '2.0', method, params: { ...message, logger: 'alpha/db/ü' } },
      { jsonrpc: '2.0', method, params: { level: 'debug', data: null, logger: 'alpha' } },
    ]);
  });

  it('passes the change of a resource on whole', async () => {
    const notify = {
      method: 'notifications/resources/updated',
      params: { uri: 'file:///a', title: 'ü', ...RICH },
    };
    await play({ notify });
    await waitFor(() => told()[0]);
    expect(told()).toStrictEqual([{ jsonrpc: '2.0', ...notify }]);
  });

  it('tells of a change of the resources', () =>
    expectListChanged('notifications/resources/list_changed', 'resources/list', 'resources', {
      ...{ uri: 'file:///b', name: 'b', ...RICH },
    }));

  it('tells of a change of the resource templates', () =>
    expectListChanged(
      'notifications/resources/list_changed',
      'resources/templates/list',
      'resourceTemplates',
      { uriTemplate: 'db://{id}', name: 'b', ...RICH },
    ));

  it('tells of a change of the prompts', async () => {
    const [method, items] = ['prompts/list', [{ name: 'new', ...RICH }]];
    const notify = { method: 'notifications/prompts/list_changed' };
    await play({ setList: { method, items } }, { notify });
    await waitFor(() => told()[0]);
    expect(told()).toStrictEqual([{ jsonrpc: '2.0', ...notify }]);
    const prompts = [{ name: 'alpha__new', ...RICH }];
    expect(await client.result(method)).toStrictEqual({ prompts });
  });

  it('tells of a change of the tools', async () => {
    const tools = [
      { name: 'play', ...SCHEMA },
      { name: 'new', ...SCHEMA, ...RICH },
    ];
    const notify = { method: 'notifications/tools/list_changed' };
    await play({ setTools: tools }, { notify });
    await waitFor(() => told()[0]);
    expect(told()).toStrictEqual([{ jsonrpc: '2.0', ...notify }]);
    expect(await client.result('tools/list')).toStrictEqual({
      tools: tools.map((tool) => ({ ...tool, name: `alpha__${tool.name}` })),
    });
  });

  it('passes a change of the roots of the client on whole', async () => {
    const method = 'notifications/roots/list_changed';
    client.notify(method, { ...RICH });
    const got = await waitFor(() => alpha.calls(method)[0]);
    expect(got).toStrictEqual({ jsonrpc: '2.0', method, params: { ...RICH } });
    client.notify(method);
    expect(await waitFor(() => alpha.calls(method)[1])).toStrictEqual({ jsonrpc: '2.0', method });
  });

  it('passes no notification on that the specification does not have', async () => {
    await play({ notify: { method: 'notifications/of/tomorrow', params: { ...RICH } } });
    client.notify('notifications/of/tomorrow', { ...RICH });
    // Meant for servers, and for clients: not to be passed on in the wrong direction.
    await play({ notify: { method: 'notifications/roots/list_changed' } });
    client.notify('notifications/tools/list_changed');
    await play();
    expect(told()).toEqual([]);
    expect(alpha.calls('notifications/of/tomorrow')).toEqual([]);
    expect(alpha.calls('notifications/tools/list_changed')).toEqual([]);
  });
});
