import { beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { asked, expectRelayed, RICH, SCHEMA, useStage } from '../support/recording/stage.ts';
import type { RecordingBackend } from '../support/recording.ts';
import type { RecordingClient } from '../support/recording-client.ts';

/** What a client may ask of a server, revision 2025-11-25: each request whole, each answer whole. */

const TOOL = { name: 'rich', title: 'Rich', description: 'ü', ...SCHEMA, ...RICH };
const RESOURCE = { uri: 'file:///ü%20a', name: 'a', size: 5, mimeType: 'text/plain', ...RICH };
const TEMPLATE = { uriTemplate: 'db://{table}/{+rest}', name: 'rows', title: 'Rows', ...RICH };
const PROMPT = {
  name: 'greet',
  title: 'Greet',
  arguments: [{ name: 'who', required: true, ...RICH }],
  ...RICH,
};
const CONTENT = [
  { type: 'text', text: 'ü🎉', annotations: { audience: ['user'], priority: 0.5, extra: 1 } },
  { type: 'image', data: 'AAAA', mimeType: 'image/png', ...RICH },
  { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
  { type: 'resource_link', uri: 'file:///b', name: 'b', ...RICH },
  { type: 'resource', resource: { uri: 'ui://view', text: '<b>', _meta: {} } },
  { type: 'hologram', unknown: { deep: [{}] } },
];
const TOOL_RESULT = { content: CONTENT, structuredContent: { n: null }, isError: true, ...RICH };
const READ_RESULT = {
  contents: [
    { uri: 'file:///ü%20a', mimeType: 'text/plain', text: 'ü', ...RICH },
    { uri: 'file:///ü%20a', mimeType: 'x/y', blob: 'AAAA', ...RICH },
  ],
  ...RICH,
};
const PROMPT_RESULT = {
  description: 'ü',
  messages: CONTENT.map((content) => ({ role: 'user', content, ...RICH })),
  ...RICH,
};
const COMPLETION = {
  completion: { values: ['ü', ''], total: 2, hasMore: false, ...RICH },
  ...RICH,
};
const ERROR = { code: -32042, message: 'ü', data: { elicitations: [{ mode: 'url', ...RICH }] } };

const SCRIPT = {
  initialize: {
    capabilities: {
      tools: {},
      resources: { subscribe: true },
      prompts: {},
      completions: {},
      logging: {},
    },
  },
  tools: [TOOL, { name: 'pings', ...SCHEMA }],
  lists: {
    'resources/list': [RESOURCE],
    'resources/templates/list': [TEMPLATE],
    'prompts/list': [PROMPT],
  },
  calls: {
    rich: [{ result: TOOL_RESULT }, { error: ERROR }],
    pings: { steps: [{ request: { method: 'ping', params: RICH } }] },
  },
  methods: {
    'resources/read': [{ result: READ_RESULT }, { error: ERROR }],
    'resources/subscribe': [{ result: RICH }, { error: ERROR }],
    'resources/unsubscribe': [{ result: RICH }, { error: ERROR }],
    'prompts/get': [{ result: PROMPT_RESULT }, { error: ERROR }],
    'completion/complete': [COMPLETION, COMPLETION].flatMap((result) => [
      { result },
      { error: ERROR },
    ]),
    'logging/setLevel': { result: {} },
  },
};

describe.each(['stdio', 'http', 'http-sse-answers', 'sse'] as const)('over %s', (mode) => {
  const stage = useStage('describe');
  let alpha: RecordingBackend;
  let client: RecordingClient;
  beforeAll(async () => {
    alpha = await stage.backend('alpha', SCRIPT, mode);
    client = await stage.serve({ alpha });
    await client.listTools();
  });

  it('lists tools whole, but for their names', async () => {
    const answer = await client.request('tools/list', { ...RICH }, 'my-id');
    const tools = [
      { ...TOOL, name: 'alpha__rich' },
      { name: 'alpha__pings', ...SCHEMA },
    ];
    const result = { tools };
    expect(answer).toStrictEqual({ jsonrpc: '2.0', id: 'my-id', result });
    expect(alpha.calls('tools/list')).toStrictEqual([
      { jsonrpc: '2.0', id: expect.any(Number), method: 'tools/list' },
    ]);
  });

  it('passes a call of a tool on whole, and its result or error back', async () => {
    const params = { name: 'alpha__rich', arguments: { ...RICH }, ...RICH };
    const method = 'tools/call';
    const seen = { ...params, name: 'rich' };
    await expectRelayed(client, alpha, { method, params, seen, answer: { result: TOOL_RESULT } });
    await expectRelayed(client, alpha, { method, params, seen, answer: { error: ERROR } });
  });

  it('lists resources whole', async () => {
    const answer = await client.request('resources/list', undefined, 7);
    expect(answer).toStrictEqual({ jsonrpc: '2.0', id: 7, result: { resources: [RESOURCE] } });
  });

  it('lists resource templates whole', async () => {
    const answer = await client.request('resources/templates/list', undefined, 0);
    const result = { resourceTemplates: [TEMPLATE] };
    expect(answer).toStrictEqual({ jsonrpc: '2.0', id: 0, result });
  });

  it('passes the reading of a resource on whole, and its contents or error back', async () => {
    const [method, params] = ['resources/read', { uri: RESOURCE.uri, ...RICH }];
    await expectRelayed(client, alpha, { method, params, answer: { result: READ_RESULT } });
    await expectRelayed(client, alpha, { method, params, answer: { error: ERROR } });
  });

  it('passes a subscription on whole, and its answer back', async () => {
    const [method, params] = ['resources/subscribe', { uri: RESOURCE.uri, ...RICH }];
    await expectRelayed(client, alpha, { method, params, answer: { result: RICH } });
    await expectRelayed(client, alpha, { method, params, answer: { error: ERROR } });
  });

  it('passes the end of a subscription on whole, and its answer back', async () => {
    const [method, params] = ['resources/unsubscribe', { uri: RESOURCE.uri, ...RICH }];
    await expectRelayed(client, alpha, { method, params, answer: { result: RICH } });
    await expectRelayed(client, alpha, { method, params, answer: { error: ERROR } });
  });

  it('lists prompts whole, but for their names', async () => {
    const answer = await client.request('prompts/list', {}, 'ü');
    const result = { prompts: [{ ...PROMPT, name: 'alpha__greet' }] };
    expect(answer).toStrictEqual({ jsonrpc: '2.0', id: 'ü', result });
  });

  it('passes the wish for a prompt on whole, and its messages or error back', async () => {
    const params = { name: 'alpha__greet', arguments: { who: 'ü' }, ...RICH };
    const seen = { ...params, name: 'greet' };
    const method = 'prompts/get';
    await expectRelayed(client, alpha, { method, params, seen, answer: { result: PROMPT_RESULT } });
    await expectRelayed(client, alpha, { method, params, seen, answer: { error: ERROR } });
  });

  it('completes an argument of a prompt', async () => {
    const params = {
      ref: { type: 'ref/prompt', name: 'alpha__greet', ...RICH },
      argument: { name: 'who', value: 'ü', ...RICH },
      context: { arguments: { other: '' }, ...RICH },
      ...RICH,
    };
    const seen = { ...params, ref: { ...params.ref, name: 'greet' } };
    const method = 'completion/complete';
    await expectRelayed(client, alpha, { method, params, seen, answer: { result: COMPLETION } });
    await expectRelayed(client, alpha, { method, params, seen, answer: { error: ERROR } });
  });

  it('completes an argument of a resource template', async () => {
    const params = {
      ref: { type: 'ref/resource', uri: TEMPLATE.uriTemplate, ...RICH },
      argument: { name: 'table', value: 'ü', ...RICH },
      ...RICH,
    };
    const method = 'completion/complete';
    await expectRelayed(client, alpha, { method, params, answer: { result: COMPLETION } });
    await expectRelayed(client, alpha, { method, params, answer: { error: ERROR } });
  });

  it('passes the log level on whole', async () => {
    const params = { level: 'notice', ...RICH };
    const answer = await client.request('logging/setLevel', params, 'level ü');
    expect(answer).toStrictEqual({ jsonrpc: '2.0', id: 'level ü', result: {} });
    expect(await waitFor(() => alpha.calls('logging/setLevel')[0])).toStrictEqual({
      ...{ jsonrpc: '2.0', id: expect.any(Number), method: 'logging/setLevel', params },
    });
  });

  it('answers a ping of the client by itself', async () => {
    const answer = await client.request('ping', { ...RICH }, 'ping ü');
    expect(answer).toStrictEqual({ jsonrpc: '2.0', id: 'ping ü', result: {} });
    expect(alpha.calls('ping')).toEqual([]);
  });

  it('answers a ping of a server by itself', async () => {
    const result = await client.callTool('alpha__pings');
    expect(result['structuredContent']).toStrictEqual({ arguments: {}, replies: [{ result: {} }] });
    expect(asked(client, 'ping')).toEqual([]);
  });
});
