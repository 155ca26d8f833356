import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { createTempFolder, type TempFolder, waitFor } from '../support/bin.ts';
import { type Mode, type RecordingBackend, recordingBackend } from '../support/recording.ts';
import {
  type RecordingClient,
  type ServeOptions,
  startServe,
} from '../support/recording-client.ts';

/** A tool with everything that a revision could add. */
const RICH_TOOL = {
  name: 'rich',
  title: 'Rich',
  description: 'Has it all',
  inputSchema: {
    type: 'object',
    $defs: { a: { $ref: '#/$defs/a' } },
    additionalProperties: false,
    'x-unknown': [1],
  },
  outputSchema: { type: 'object', properties: { n: { type: 'number' } } },
  annotations: { title: 'x', readOnlyHint: true, unknownHint: 'y' },
  icons: [
    { src: 'data:image/png;base64,AAAA', mimeType: 'image/png', sizes: ['48x48'], theme: 'dark' },
  ],
  execution: { taskSupport: 'optional' },
  _meta: { 'ui/resourceUri': 'ui://view', nested: { deep: [null, true, 1.5] } },
  fieldOfTomorrow: { a: [] },
};

const RICH_RESULT = {
  content: [
    {
      type: 'text',
      text: 'ü🎉\u2028 "quoted"\n',
      annotations: { audience: ['user'], priority: 0.5 },
      _meta: { a: 1 },
    },
    { type: 'image', data: 'AAAA', mimeType: 'image/png' },
    { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
    { type: 'resource_link', uri: 'file:///a', name: 'a', size: 5, icons: [] },
    {
      type: 'resource',
      resource: { uri: 'ui://view', mimeType: 'text/html', text: '<b>', _meta: {} },
    },
    { type: 'hologram', unknown: { deep: [{}] } },
  ],
  structuredContent: { n: 1, big: 9007199254740991, none: null },
  isError: false,
  _meta: { 'vendor/key': { x: [1, 2, 3] } },
  fieldOfTomorrow: 'kept',
};

const RICH_ERROR = { code: -32042, message: 'No such thing', data: { deep: [1, { a: null }] } };

let folder: TempFolder;
let open: (() => Promise<unknown>)[];
beforeEach(async () => {
  folder = await createTempFolder();
  open = [];
});
afterEach(async () => {
  for (const close of open.reverse()) await close();
  await folder.remove();
});

async function backend(
  name: string,
  script: object = {},
  mode: Mode = 'stdio',
): Promise<RecordingBackend> {
  const made = await recordingBackend(folder.path, name, script, mode);
  open.push(made.stop);
  return made;
}

async function serve(
  servers: Record<string, JsonObject>,
  options: ServeOptions = {},
): Promise<RecordingClient> {
  const client = await startServe({ servers }, options);
  open.push(() => client.close());
  return client;
}

describe.each(['stdio', 'http', 'http-sse-answers', 'sse'] as const)('over %s', (mode) => {
  it('passes tools, calls and results on unchanged but for the names', async () => {
    const script = {
      tools: [RICH_TOOL, { ...RICH_TOOL, name: 'fails' }],
      calls: { rich: { result: RICH_RESULT }, fails: { error: RICH_ERROR } },
    };
    const alpha = await backend('alpha', script, mode);
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    expect((await client.result('tools/list'))['tools']).toEqual([
      { ...RICH_TOOL, name: 'alpha__rich' },
      { ...RICH_TOOL, name: 'alpha__fails' },
    ]);

    const params = {
      arguments: {
        text: 'ü🎉',
        nested: { list: [1, null, { a: '' }] },
        __proto__x: 1,
        number: -0.1e-7,
      },
      _meta: { 'vendor/key': [{ a: 1 }] },
      fieldOfTomorrow: { b: 2 },
    };
    const answer = await client.request('tools/call', { name: 'alpha__rich', ...params }, 'my-id');
    expect(answer).toEqual({ jsonrpc: '2.0', id: 'my-id', result: RICH_RESULT });
    const failed = await client.request('tools/call', { name: 'alpha__fails' });
    expect(failed).toEqual({ jsonrpc: '2.0', id: failed.id, error: RICH_ERROR });

    expect(alpha.calls('tools/call').map(({ params: seen }) => seen)).toEqual([
      { name: 'rich', ...params },
      { name: 'fails' },
    ]);
  });

  it('passes large results on unchanged, each to its own call', async () => {
    const texts = ['x', 'ü🎉\u2028', '"\\\n'].map((text) => text.repeat(200_000));
    const results = [...texts, 'small'].map((text) => ({ ...RICH_RESULT, text }));
    const calls = Object.fromEntries(results.map((result, n) => [`t${n}`, { result }]));
    const tools = Object.keys(calls).map((name) => ({ name, inputSchema: { type: 'object' } }));
    const alpha = await backend('alpha', { tools, calls }, mode);
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    await client.listTools();
    const order = [0, 3, 1, 3, 2, 0, 3];
    const asked = order.map((n, i) =>
      client.request('tools/call', { name: `alpha__t${n}` }, `call ${i}`),
    );
    expect(await Promise.all(asked)).toEqual(
      order.map((n, i) => ({ jsonrpc: '2.0', id: `call ${i}`, result: results[n] })),
    );
  });

  it('tells a server what the client said of itself, in the order of the specification', async () => {
    const alpha = await backend('alpha', {}, mode);
    const client = await serve({ alpha: alpha.entry });
    const capabilities = { roots: { listChanged: true }, experimental: { x: { y: [1] } } };
    await client.initialize(capabilities, '2025-06-18');
    await client.listTools();
    const [first, second, third] = alpha.received();
    expect(first).toMatchObject({
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities,
        clientInfo: { name: 'recording-client', version: '1.0.0' },
      },
    });
    expect(second).toEqual({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect(third).toMatchObject({ method: 'tools/list' });
  });

  it('passes progress on under the token of the client, before the answer', async () => {
    const steps = [
      { progress: { progress: 1, total: 3, message: 'one', extra: { a: 1 } } },
      { progress: { progress: 2 } },
    ];
    const alpha = await backend('alpha', { calls: { echo: { steps } } }, mode);
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    await client.callTool('alpha__echo', {}, { progressToken: 'token ü', other: 1 });
    expect(client.notifications('notifications/progress').map(({ params }) => params)).toEqual([
      { progressToken: 'token ü', progress: 1, total: 3, message: 'one', extra: { a: 1 } },
      { progressToken: 'token ü', progress: 2 },
    ]);
    expect(client.received.at(-1)).toHaveProperty('result');
    expect(alpha.calls('tools/call')[0]?.['params']).toMatchObject({ _meta: { other: 1 } });
  });

  it('asks for no progress that the client did not ask for', async () => {
    const alpha = await backend(
      'alpha',
      { calls: { echo: { steps: [{ progress: { progress: 1 } }] } } },
      mode,
    );
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    await client.callTool('alpha__echo', { message: 'x' });
    expect(alpha.calls('tools/call')[0]?.['params']).toEqual({
      name: 'echo',
      arguments: { message: 'x' },
    });
    expect(client.notifications('notifications/progress')).toEqual([]);
  });

  it('passes a cancellation on, answers nothing, and goes on', async () => {
    const alpha = await backend('alpha', { calls: { echo: [{ never: true }, {}] } }, mode);
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    await client.listTools();
    client.send({
      jsonrpc: '2.0',
      id: 'slow',
      method: 'tools/call',
      params: { name: 'alpha__echo' },
    });
    const call = await waitFor(() => alpha.calls('tools/call')[0]);
    client.notify('notifications/cancelled', {
      requestId: 'slow',
      reason: 'changed my mind',
      extra: 1,
    });
    const cancelled = await waitFor(() => alpha.calls('notifications/cancelled')[0]);
    expect(cancelled['params']).toEqual({
      requestId: call['id'],
      reason: 'changed my mind',
      extra: 1,
    });
    await client.callTool('alpha__echo', { message: 'still here' });
    expect(client.received.filter(({ id }) => id === 'slow')).toEqual([]);
  });

  it('passes what a server asks on to the client, and the answer back', async () => {
    const sampling = {
      messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }],
      maxTokens: 5,
      tools: [{ name: 't' }],
      unknown: 1,
    };
    const steps = [
      { request: { method: 'sampling/createMessage', params: sampling } },
      {
        request: {
          method: 'elicitation/create',
          params: { message: 'sure?', requestedSchema: { type: 'object' } },
        },
      },
      { request: { method: 'roots/list' } },
      { request: { method: 'ping' } },
    ];
    const alpha = await backend('alpha', { calls: { echo: { steps } } }, mode);
    const answers: Record<string, JsonObject> = {
      'sampling/createMessage': {
        result: { role: 'assistant', content: [], model: 'm', unknown: [{}] },
      },
      'elicitation/create': { error: { code: -1, message: 'no', data: { a: [1] } } },
      'roots/list': { result: { roots: [{ uri: 'file:///r', _meta: { x: 1 } }] } },
    };
    const client = await serve(
      { alpha: alpha.entry },
      { respond: ({ method }) => answers[method] },
    );
    await client.initialize({ sampling: { tools: {} }, elicitation: {}, roots: {} });
    const result = await client.callTool('alpha__echo');
    expect(result['structuredContent']).toMatchObject({
      replies: [
        answers['sampling/createMessage'],
        answers['elicitation/create'],
        answers['roots/list'],
        { result: {} },
      ],
    });
    const asked = client.received.filter(
      ({ method, id }) => method !== undefined && id !== undefined,
    );
    expect(asked.map(({ method, params }) => ({ method, params }))).toEqual([
      { method: 'sampling/createMessage', params: sampling },
      { method: 'elicitation/create', params: steps[1]?.request.params },
      { method: 'roots/list', params: undefined },
    ]);
  });

  it('refuses what the client can not be asked', async () => {
    const steps = [
      { request: { method: 'sampling/createMessage', params: {} } },
      { request: { method: 'no/such/method' } },
    ];
    const alpha = await backend('alpha', { calls: { echo: { steps } } }, mode);
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    const result = await client.callTool('alpha__echo');
    expect(result['structuredContent']).toMatchObject({
      replies: [
        { error: { code: -32601, message: 'Method not found: sampling/createMessage' } },
        { error: { code: -32601, message: 'Method not found: no/such/method' } },
      ],
    });
    expect(client.received.filter(({ method }) => method !== undefined)).toEqual([]);
  });

  it('reads a list to its end, and again when the server says that it changed', async () => {
    const tools = Array.from({ length: 7 }, (_, i) => ({
      name: `t${i}`,
      inputSchema: { type: 'object' },
    }));
    const steps = [
      { setTools: [...tools, { name: 'new', inputSchema: { type: 'object' } }] },
      { notify: { method: 'notifications/tools/list_changed' } },
    ];
    const alpha = await backend('alpha', { tools, pageSize: 3, calls: { t0: { steps } } }, mode);
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    expect((await client.listTools()).map(({ name }) => name)).toEqual(
      tools.map(({ name }) => `alpha__${name}`),
    );
    await client.callTool('alpha__t0');
    await client.waitForNotification('notifications/tools/list_changed');
    expect((await client.listTools()).map(({ name }) => name)).toContain('alpha__new');
  });
});

describe('over several servers', () => {
  it('keeps calls, progress and answers apart that run at the same time', async () => {
    const names = ['one', 'two', 'three'];
    const script = { calls: { echo: { steps: [{ progress: { progress: 1 } }, { wait: 30 }] } } };
    const modes: Mode[] = ['stdio', 'http', 'sse'];
    const backends = await Promise.all(names.map((name, at) => backend(name, script, modes[at])));
    const client = await serve(
      Object.fromEntries(names.map((name, at) => [name, backends[at]?.entry ?? {}])),
    );
    await client.initialize();
    await client.listTools();
    const calls = Array.from({ length: 60 }, (_, at) => ({
      server: names[at % 3],
      message: `message ${at}`,
      progressToken: at,
    }));
    const results = await Promise.all(
      calls.map(({ server, message, progressToken }) =>
        client.callTool(`${server}__echo`, { message }, { progressToken }),
      ),
    );
    expect(results).toEqual(
      calls.map(({ message }) => ({ content: [{ type: 'text', text: message }] })),
    );
    const tokens = client
      .notifications('notifications/progress')
      .map(({ params }) => (params as JsonObject)['progressToken']);
    expect(tokens.toSorted((a, b) => Number(a) - Number(b))).toEqual(
      calls.map(({ progressToken }) => progressToken),
    );
    expect(client.strayAnswers).toEqual([]);
  });

  it('tells all servers of changed roots', async () => {
    const [alpha, beta] = [await backend('alpha'), await backend('beta', {}, 'http')];
    const client = await serve({ alpha: alpha.entry, beta: beta.entry });
    await client.initialize({ roots: { listChanged: true } });
    await client.listTools();
    client.notify('notifications/roots/list_changed', { _meta: { a: 1 } });
    for (const { calls } of [alpha, beta]) {
      const [told] = await waitFor(() =>
        calls('notifications/roots/list_changed').length > 0
          ? calls('notifications/roots/list_changed')
          : undefined,
      );
      expect(told).toEqual({
        jsonrpc: '2.0',
        method: 'notifications/roots/list_changed',
        params: { _meta: { a: 1 } },
      });
    }
  });
});
