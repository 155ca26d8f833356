import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { RICH, SCHEMA, useStage } from '../support/recording/stage.ts';

/** How a session begins, what it declares, and the lists to their end. */

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const CAPABILITIES = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
};

const stage = useStage();

describe.each(['stdio', 'http', 'sse'] as const)('initialize over %s', (mode) => {
  it('answers the client by itself, and tells the server all that the client said', async () => {
    const alpha = await stage.backend('alpha', { initialize: RICH }, mode);
    const client = await stage.start({ alpha });
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: { sampling: { tools: {}, ...RICH }, elicitation: {}, tasks: {}, ...RICH },
      clientInfo: { name: 'ü', version: '0', title: 'Ü', websiteUrl: 'https://a.example', ...RICH },
      ...RICH,
    };
    const answer = await client.request('initialize', params, 'first');
    expect(answer).toStrictEqual({
      jsonrpc: '2.0',
      id: 'first',
      result: {
        protocolVersion: '2025-11-25',
        capabilities: CAPABILITIES,
        serverInfo: { name: 'mcp-master', title: expect.any(String), version },
      },
    });
    client.notify('notifications/initialized');
    await client.listTools();
    expect(alpha.received()[0]).toStrictEqual({
      ...{ jsonrpc: '2.0', id: expect.any(Number), method: 'initialize', params },
    });
  });

  it('tells each server once that the session has begun, after its answer', async () => {
    const alpha = await stage.backend('alpha', {}, mode);
    const client = await stage.serve({ alpha });
    await client.listTools();
    const begun = { jsonrpc: '2.0', method: 'notifications/initialized' };
    expect(alpha.calls(begun.method)).toStrictEqual([begun]);
    const told = alpha.lines().filter(({ message }) => message !== undefined);
    expect(told.slice(0, 3).map(({ dir, message }) => [dir, message?.['method']])).toEqual([
      ['in', 'initialize'],
      ['out', undefined],
      ['in', begun.method],
    ]);
  });
});

describe('the beginning of a session', () => {
  it('answers a ping even before it', async () => {
    const client = await stage.start({});
    expect(await client.request('ping', undefined, 'early')).toStrictEqual({
      ...{ jsonrpc: '2.0', id: 'early', result: {} },
    });
  });

  it('declares tasks, extensions and experiments only when an earlier run has seen them', async () => {
    const tasks = { list: {}, requests: { tools: { call: {} } } };
    const [one, two] = [
      { tools: {}, tasks, extensions: { 'a.example/x': { v: 1 }, both: { a: [1] } } },
      {
        tools: {},
        tasks: { cancel: {} },
        extensions: { both: { b: null } },
        experimental: { e: {} },
      },
    ];
    const servers = {
      alpha: await stage.backend('alpha', { initialize: { capabilities: one } }),
      beta: await stage.backend('beta', { initialize: { capabilities: two } }, 'http'),
    };
    const first = await stage.start(servers);
    expect((await first.initialize())['capabilities']).toStrictEqual(CAPABILITIES);
    await first.listTools();
    await first.close();
    const second = await stage.start(servers);
    expect((await second.initialize())['capabilities']).toStrictEqual({
      ...CAPABILITIES,
      tasks: { ...tasks, cancel: {} },
      extensions: { 'a.example/x': { v: 1 }, both: { a: [1], b: null } },
      experimental: { e: {} },
    });
  });

  it('joins the instructions of the servers, each under its name, in their order', async () => {
    const initialize = { instructions: 'Read ü first.\n\n- then\n' };
    const servers = {
      beta: await stage.backend('beta', { initialize: { instructions: 'Second.' } }, 'http'),
      silent: await stage.backend('silent'),
      alpha: await stage.backend('alpha', { initialize }),
    };
    const first = await stage.serve(servers);
    await first.listTools();
    await first.close();
    const second = await stage.start(servers);
    expect((await second.initialize())['instructions']).toBe(
      `# beta\n\nSecond.\n\n# alpha\n\n${initialize.instructions}`,
    );
  });
});

describe.each(['stdio', 'http', 'sse'] as const)('lists over %s', (mode) => {
  it.each([
    ['tools/list', 'tools', (n: number) => ({ name: `t${n}`, ...SCHEMA, ...RICH })],
    ['resources/list', 'resources', (n: number) => ({ uri: `a:${n}`, name: 'x', ...RICH })],
    [
      'resources/templates/list',
      'resourceTemplates',
      (n: number) => ({ uriTemplate: `a:{b}${n}`, name: 'x', ...RICH }),
    ],
    ['prompts/list', 'prompts', (n: number) => ({ name: `p${n}`, ...RICH })],
    ['tasks/list', 'tasks', (n: number) => ({ taskId: `t${n}`, status: 'working', ...RICH })],
  ])('reads all pages of %s', async (method, member, item) => {
    const items = Array.from({ length: 5 }, (_, n): JsonObject => item(n));
    const script = {
      initialize: { capabilities: { tools: {}, resources: {}, prompts: {}, tasks: { list: {} } } },
      tools: [],
      lists: { [method]: items },
      pageSize: 2,
    };
    const alpha = await stage.backend('alpha', script, mode);
    const client = await stage.serve({ alpha });
    await client.listTools();
    const named = (one: JsonObject) =>
      ['tools', 'prompts'].includes(member) ? { ...one, name: `alpha__${one['name']}` } : one;
    expect(await client.result(method)).toStrictEqual({ [member]: items.map(named) });
    expect(alpha.calls(method).map(({ params }) => params)).toStrictEqual([
      ...[undefined, { cursor: 'page:2' }, { cursor: 'page:4' }],
    ]);
  });

  it('answers a method that a server lacks with its own error', async () => {
    const script = {
      initialize: { capabilities: { prompts: {}, resources: {} } },
      tools: [],
      lists: { 'resources/list': [{ uri: 'a:b', name: 'x' }], 'prompts/list': [{ name: 'p' }] },
    };
    const alpha = await stage.backend('alpha', script, mode);
    const client = await stage.serve({ alpha });
    await client.listTools();
    const ref = { type: 'ref/prompt', name: 'alpha__p' };
    for (const [method, params] of [
      ['resources/read', { uri: 'a:b' }],
      ['resources/subscribe', { uri: 'a:b' }],
      ['prompts/get', { name: 'alpha__p' }],
      ['completion/complete', { ref, argument: { name: 'a', value: '' } }],
    ] as const) {
      const { error } = await client.request(method, params);
      expect(error).toStrictEqual({ code: -32601, message: `Method not found: ${method}` });
      expect(alpha.calls(method)).toHaveLength(1);
    }
  });
});

describe('an unknown method', () => {
  it('is refused, and no server hears of it', async () => {
    const alpha = await stage.backend('alpha');
    const client = await stage.serve({ alpha });
    await client.listTools();
    for (const method of ['of/tomorrow', 'sampling/createMessage', 'toString']) {
      expect(await client.request(method, { ...RICH }, method)).toStrictEqual({
        jsonrpc: '2.0',
        id: method,
        error: { code: -32601, message: `Method not found: ${method}` },
      });
    }
    await client.callTool('alpha__echo');
    const methods = await waitFor(() => alpha.received().map(({ method }) => method));
    expect(new Set(methods)).toEqual(
      new Set(['initialize', 'notifications/initialized', 'tools/list', 'tools/call']),
    );
  });
});
