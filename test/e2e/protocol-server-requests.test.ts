import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { asked, paramsOf, RICH, SCHEMA, useStage } from '../support/recording/stage.ts';
import type { RecordingBackend } from '../support/recording.ts';
import type { RecordingClient, Responder } from '../support/recording-client.ts';

/** What a server may ask of a client, revision 2025-11-25: each request whole, each answer whole. */

const CAPABILITIES = {
  sampling: { tools: {}, context: {}, ...RICH },
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};
const SAMPLING = {
  messages: [
    { role: 'user', content: { type: 'text', text: 'ü🎉', ...RICH }, ...RICH },
    {
      role: 'assistant',
      content: [{ type: 'tool_use', id: 'x', name: 't', input: { a: null }, ...RICH }],
    },
    {
      role: 'user',
      content: [{ type: 'tool_result', toolUseId: 'x', content: [], isError: true, ...RICH }],
    },
  ],
  modelPreferences: { hints: [{ name: 'm', ...RICH }], costPriority: 0.5, ...RICH },
  systemPrompt: '',
  maxTokens: 5,
  temperature: -0.1e-7,
  stopSequences: ['\u2028'],
  tools: [{ name: 't', ...SCHEMA, ...RICH }],
  toolChoice: { mode: 'required', ...RICH },
  metadata: { a: [1, null] },
  ...RICH,
};
const FORM = {
  mode: 'form',
  message: 'ü?',
  requestedSchema: {
    type: 'object',
    properties: { a: { type: 'string', enum: ['x'], default: 'x', ...RICH } },
    ...RICH,
  },
  ...RICH,
};
const URL_MODE = {
  mode: 'url',
  message: 'ü!',
  url: 'https://example.com/ü?a=b&c=%20',
  elicitationId: 'elicitation ü',
  ...RICH,
};
const SAMPLED = {
  role: 'assistant',
  content: [{ type: 'tool_use', id: 'y', name: 't', input: { deep: [null] }, ...RICH }],
  model: 'm',
  stopReason: 'toolUse',
  ...RICH,
};
const ERROR = { code: -1, message: 'User rejected ü', data: { ...RICH } };

describe.each(['stdio', 'http', 'http-sse-answers', 'sse'] as const)('over %s', (mode) => {
  const stage = useStage('describe');
  let alpha: RecordingBackend;
  let client: RecordingClient;
  let respond: Responder;
  let before: number;
  beforeAll(async () => {
    const tools = [{ name: 'play', ...SCHEMA }];
    alpha = await stage.backend('alpha', { tools, calls: { play: 'arguments' } }, mode);
    const options = {
      capabilities: CAPABILITIES,
      respond: (request: JsonObject) => respond(request as never),
    };
    client = await stage.serve({ alpha }, options);
    await client.listTools();
  });
  beforeEach(() => {
    respond = () => undefined;
    before = client.received.length;
  });

  /** What a client that is asked by `method` saw in this test. */
  const seen = (method: string) =>
    client.received.slice(before).filter((message) => message['method'] === method);

  async function play(...steps: JsonObject[]): Promise<JsonObject> {
    return (await client.callTool('alpha__play', { steps })) as JsonObject;
  }

  /** The server asks; the whole request has to reach the client, and each whole answer the server. */
  async function expectAsked(
    method: string,
    params: JsonObject | undefined,
    results: JsonObject[],
  ) {
    for (const answer of [...results.map((result) => ({ result })), { error: ERROR }]) {
      before = client.received.length;
      respond = () => answer;
      const request = { method, ...(params && { params }) };
      await play({ request });
      expect(seen(method)).toStrictEqual([{ jsonrpc: '2.0', id: expect.any(Number), ...request }]);
      const sent = alpha.sent().findLast((message) => message['method'] === method);
      const got = alpha.received().findLast((message) => message['method'] === undefined);
      expect(got).toStrictEqual({ jsonrpc: '2.0', id: sent?.['id'], ...answer });
    }
  }

  it('passes a request for sampling with tools on whole, and the answer back', () =>
    expectAsked('sampling/createMessage', SAMPLING, [SAMPLED]));

  it('passes elicitation by form on whole, and the answer back', () =>
    expectAsked('elicitation/create', FORM, [
      { action: 'accept', content: { a: 'x', n: 1.5, b: [true] }, ...RICH },
      { action: 'decline' },
    ]));

  it('passes elicitation by URL on whole, the answer back, and then its completion on', async () => {
    await expectAsked('elicitation/create', URL_MODE, [{ action: 'accept', ...RICH }]);
    const params = { elicitationId: URL_MODE.elicitationId, ...RICH };
    const notify = { method: 'notifications/elicitation/complete', params };
    await play({ notify });
    expect(seen(notify.method)).toStrictEqual([{ jsonrpc: '2.0', ...notify }]);
  });

  it('passes a request for roots on whole, and the answer back', async () => {
    const roots = [{ uri: 'file:///ü', name: 'r', ...RICH }, { uri: 'file:///' }];
    await expectAsked('roots/list', { ...RICH }, [{ roots, ...RICH }]);
    await expectAsked('roots/list', undefined, [{ roots: [] }]);
  });

  it('passes the cancellation of a request of a server on whole, and no answer back', async () => {
    const params = { reason: 'ü', ...RICH };
    const cancel = { after: 50, params };
    const request = { method: 'elicitation/create', params: FORM, cancel };
    await play({ request }, { request: { method: 'ping' } });
    const [sent] = seen('elicitation/create');
    await waitFor(() => seen('notifications/cancelled')[0]);
    expect(seen('notifications/cancelled')).toStrictEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: sent?.['id'], ...params },
      },
    ]);
    const own = alpha.sent().findLast(({ method }) => method === 'elicitation/create')?.['id'];
    // Too late: the request is over.
    client.send({ jsonrpc: '2.0', id: sent?.['id'], result: { action: 'accept' } });
    await play({ request: { method: 'ping' } });
    expect(alpha.received().filter(({ id }) => id === own)).toEqual([]);
  });

  it.each(['token ü', 0, 7])(
    'passes progress of the client on whole, under the token %j of the server',
    async (progressToken) => {
      const method = 'sampling/createMessage';
      const _meta = { ...RICH._meta, progressToken };
      const steps = [{ progress: 0.5, total: 2, message: 'ü' }, { progress: 1 }];
      respond = ({ params }) => {
        // The request below has both.
        const token = ((params as JsonObject)['_meta'] as JsonObject)['progressToken'] ?? null;
        for (const step of steps) {
          client.notify('notifications/progress', { progressToken: token, ...step, ...RICH });
        }
        return { result: SAMPLED };
      };
      const before = alpha.received().length;
      await play({ request: { method, params: { ...SAMPLING, _meta } } });
      const [request] = paramsOf(seen(method));
      const token = expect.any(Number);
      expect(request).toStrictEqual({ ...SAMPLING, _meta: { ..._meta, progressToken: token } });
      const got = alpha.received().slice(before);
      expect(got.filter((message) => message['method'] === 'notifications/progress')).toStrictEqual(
        steps.map((step) => ({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken, ...step, ...RICH },
        })),
      );
      expect(got.at(-1)).toHaveProperty('result');
    },
  );

  it('asks the client for no progress that the server did not ask for', async () => {
    respond = () => ({ result: SAMPLED });
    await play({ request: { method: 'sampling/createMessage', params: SAMPLING } });
    expect(paramsOf(asked(client, 'sampling/createMessage')).at(-1)).toStrictEqual(SAMPLING);
  });
});

describe.each(['http', 'sse'] as const)('over a slow way, by %s', (mode) => {
  const stage = useStage();

  it('passes progress of the client on in its order, and before the answer', async () => {
    const delays = { 'notifications/progress': [400, 100] };
    const calls = { play: 'arguments' };
    const tools = [{ name: 'play', ...SCHEMA }];
    const alpha = await stage.backend('alpha', { tools, calls, delays }, mode);
    const client = await stage.serve(
      { alpha },
      {
        capabilities: CAPABILITIES,
        respond: ({ params }) => {
          const token = ((params as JsonObject)['_meta'] as JsonObject)['progressToken'] ?? null;
          for (const progress of [1, 2]) {
            client.notify('notifications/progress', { progressToken: token, progress });
          }
          return { result: SAMPLED };
        },
      },
    );
    const params = { ...SAMPLING, _meta: { progressToken: 'p' } };
    const request = { method: 'sampling/createMessage', params };
    await client.callTool('alpha__play', { steps: [{ request }, { wait: 600 }] });
    const got = alpha.received().slice(-3);
    expect(got.map(({ params, result }) => params ?? result)).toStrictEqual([
      { progressToken: 'p', progress: 1 },
      { progressToken: 'p', progress: 2 },
      SAMPLED,
    ]);
  });
});
