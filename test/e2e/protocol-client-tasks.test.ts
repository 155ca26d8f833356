import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { paramsOf, RICH, SCHEMA, useStage } from '../support/recording/stage.ts';
import type { RecordingBackend } from '../support/recording.ts';
import type { RecordingClient, Responder } from '../support/recording-client.ts';

/** Tasks of revision 2025-11-25 that the client runs for servers. */

const TASK = {
  status: 'working',
  createdAt: '2025-11-25T10:30:00Z',
  lastUpdatedAt: '2025-11-25T10:30:00Z',
  ttl: null,
  ...RICH,
};
const CAPABILITIES = {
  sampling: {},
  elicitation: { form: {}, url: {} },
  tasks: {
    list: {},
    cancel: {},
    requests: { sampling: { createMessage: {} }, elicitation: { create: {} } },
  },
};
const ERROR = { code: -32602, message: 'ü', data: { ...RICH } };
const RELATED = { 'io.modelcontextprotocol/related-task': { taskId: 'of alpha', ...RICH } };

const stage = useStage();

describe.each(['stdio', 'http', 'sse'] as const)('over %s', (mode) => {
  let alpha: RecordingBackend;
  let beta: RecordingBackend;
  let client: RecordingClient;
  let respond: Responder;
  beforeEach(async () => {
    const script = { tools: [{ name: 'play', ...SCHEMA }], calls: { play: 'arguments' } };
    alpha = await stage.backend('alpha', script, mode);
    beta = await stage.backend('beta', script, mode === 'stdio' ? 'http' : 'stdio');
    const options = {
      capabilities: CAPABILITIES,
      respond: (request: JsonObject & { method: string }) => respond(request),
    };
    client = await stage.serve({ alpha, beta }, options);
    await client.listTools();
    for (const server of ['alpha', 'beta']) {
      const task = { taskId: `of ${server}`, ...TASK };
      const request = { method: 'sampling/createMessage', params: { task: { ttl: 1 } } };
      respond = () => ({ result: { task } });
      expect(await ask(server, request)).toStrictEqual({ result: { task } });
    }
  });

  /** Lets a server ask; gives what it got for an answer. */
  async function ask(server: string, request: JsonObject): Promise<JsonObject | undefined> {
    const result = await client.callTool(`${server}__play`, { steps: [{ request }] });
    const { replies } = result['structuredContent'] as { replies: JsonObject[] };
    return replies[0];
  }

  /** A request of alpha, whole at the client, and the answers, whole at alpha. */
  async function expectAsked(method: string, params: JsonObject, answers: JsonObject[]) {
    for (const answer of answers) {
      respond = () => answer;
      const before = client.received.length;
      expect(await ask('alpha', { method, params })).toStrictEqual(answer);
      const asked = client.received.slice(before).filter((message) => message['method'] === method);
      expect(asked).toStrictEqual([{ jsonrpc: '2.0', id: expect.any(Number), method, params }]);
    }
  }

  it.each(['sampling/createMessage', 'elicitation/create'])(
    'starts a task for %s, each message whole',
    (method) => {
      const result = { task: { taskId: 'new ü', ...TASK }, ...RICH };
      const params = { task: { ttl: 60_000, ...RICH }, message: 'ü', ...RICH };
      return expectAsked(method, params, [{ result }, { error: ERROR }]);
    },
  );

  it('asks after a task of the client', () =>
    expectAsked('tasks/get', { taskId: 'of alpha', ...RICH }, [
      { result: { taskId: 'of alpha', ...TASK } },
      { error: ERROR },
    ]));

  it('awaits the result of a task of the client', () =>
    expectAsked('tasks/result', { taskId: 'of alpha', ...RICH }, [
      { result: { role: 'assistant', content: [], model: 'm', ...RICH, _meta: RELATED } },
      { error: ERROR },
    ]));

  it('cancels a task of the client', () =>
    expectAsked('tasks/cancel', { taskId: 'of alpha', ...RICH }, [
      { result: { taskId: 'of alpha', ...TASK, status: 'cancelled' } },
      { error: ERROR },
    ]));

  it('lists the tasks of the client that are its own', async () => {
    const own = { taskId: 'of alpha', ...TASK };
    const tasks = [{ taskId: 'of beta', ...TASK }, own, { taskId: 'of nobody', ...TASK }];
    respond = () => ({ result: { tasks, nextCursor: 'ü', ...RICH } });
    const request = { method: 'tasks/list', params: { cursor: 'c', ...RICH } };
    const before = client.received.length;
    expect(await ask('alpha', request)).toStrictEqual({
      result: { tasks: [own], nextCursor: 'ü', ...RICH },
    });
    expect(client.received.slice(before)[0]).toStrictEqual({
      ...{ jsonrpc: '2.0', id: expect.any(Number), ...request },
    });
  });

  it.each(['tasks/get', 'tasks/result', 'tasks/cancel'])(
    'refuses %s for the task of another server',
    async (method) => {
      const before = client.received.length;
      for (const taskId of ['of beta', 'of nobody', '']) {
        const answer = await ask('alpha', { method, params: { taskId } });
        expect(answer).toMatchObject({ error: { code: -32602 } });
      }
      expect(client.received.slice(before).filter((message) => message['method'])).toEqual([]);
    },
  );

  it('tells the status of a task to the server that started it alone', async () => {
    const method = 'notifications/tasks/status';
    for (const server of ['alpha', 'beta', 'nobody']) {
      client.notify(method, { taskId: `of ${server}`, ...TASK, status: 'completed' });
    }
    for (const [name, { calls }] of Object.entries({ alpha, beta })) {
      await waitFor(() => calls(method)[0]);
      await client.callTool(`${name}__play`);
      expect(calls(method)).toStrictEqual([
        { jsonrpc: '2.0', method, params: { taskId: `of ${name}`, ...TASK, status: 'completed' } },
      ]);
    }
  });

  it('passes on the progress of a task after it was started', async () => {
    const progress = { progress: 0.5, message: 'ü', ...RICH };
    let token: JsonObject[string];
    respond = ({ params }) => {
      token = ((params as JsonObject)['_meta'] as JsonObject)['progressToken'];
      return { result: { task: { taskId: 'slow', ...TASK } } };
    };
    const params = { task: {}, _meta: { progressToken: 'token ü' } };
    await ask('alpha', { method: 'sampling/createMessage', params });
    client.notify('notifications/progress', { progressToken: token, ...progress });
    await waitFor(() => alpha.calls('notifications/progress')[0]);
    expect(paramsOf(alpha.calls('notifications/progress'))).toStrictEqual([
      { progressToken: 'token ü', ...progress },
    ]);
    expect(beta.calls('notifications/progress')).toEqual([]);
  });
});
