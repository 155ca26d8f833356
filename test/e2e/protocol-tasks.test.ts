import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { expectRelayed, RICH, SCHEMA, useStage } from '../support/recording/stage.ts';
import type { RecordingClient } from '../support/recording-client.ts';

/** Tasks of revision 2025-11-25 that servers run for the client. */

const RELATED = 'io.modelcontextprotocol/related-task';
const TASK = {
  taskId: 'task ü',
  status: 'working',
  statusMessage: 'ü',
  createdAt: '2025-11-25T10:30:00Z',
  lastUpdatedAt: '2025-11-25T10:30:00Z',
  ttl: null,
  pollInterval: 5,
  ...RICH,
};
const OTHER = { ...TASK, taskId: 'other', status: 'completed', ttl: 60_000 };
const RESULT = {
  content: [{ type: 'resource_link', uri: 'x://made', name: 'made', ...RICH }],
  isError: false,
  ...RICH,
  _meta: { ...RICH._meta, [RELATED]: { taskId: TASK.taskId, ...RICH } },
};
const ERROR = { code: -32603, message: 'ü', data: { ...RICH } };
const CANCELLED = { ...TASK, status: 'cancelled' };
const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } };

function script(more: object = {}) {
  return {
    initialize: { capabilities: { tools: {}, tasks, resources: {} } },
    tools: [
      { name: 'run', ...SCHEMA, execution: { taskSupport: 'required' } },
      { name: 'play', ...SCHEMA },
    ],
    lists: { 'tasks/list': [TASK, OTHER] },
    calls: { run: { result: { task: TASK, ...RICH } }, play: 'arguments' },
    methods: {
      'tasks/get': { result: TASK },
      'tasks/result': [{ result: RESULT }, { error: ERROR }],
      'tasks/cancel': [{ result: CANCELLED }, { error: { code: -32602, message: 'Is over' } }],
      'resources/read': { result: { contents: [] } },
      ...more,
    },
  };
}

const stage = useStage();

function run(client: RecordingClient, server = 'alpha', meta: JsonObject = {}) {
  return client.result('tools/call', { name: `${server}__run`, task: { ttl: 1 }, _meta: meta });
}

describe.each(['stdio', 'http', 'sse'] as const)('over %s', (mode) => {
  it('starts, asks after, awaits and cancels a task, each message whole', async () => {
    const alpha = await stage.backend('alpha', script(), mode);
    const client = await stage.serve({ alpha });
    await client.listTools();
    const call = {
      name: 'alpha__run',
      arguments: { a: null },
      task: { ttl: 60_000, ...RICH },
      ...RICH,
    };
    await expectRelayed(client, alpha, {
      method: 'tools/call',
      params: call,
      seen: { ...call, name: 'run' },
      answer: { result: { task: TASK, ...RICH } },
    });
    const params = { taskId: TASK.taskId, ...RICH };
    for (const [method, answer] of [
      ['tasks/get', { result: TASK }],
      ['tasks/result', { result: RESULT }],
      ['tasks/result', { error: ERROR }],
      ['tasks/cancel', { result: CANCELLED }],
      ['tasks/cancel', { error: { code: -32602, message: 'Is over' } }],
    ] as const) {
      await expectRelayed(client, alpha, { method, params, answer });
    }
  });

  it('lists the tasks whole', async () => {
    const alpha = await stage.backend('alpha', script(), mode);
    const client = await stage.serve({ alpha });
    await client.listTools();
    expect(await client.request('tasks/list', { ...RICH }, 'ü')).toStrictEqual({
      ...{ jsonrpc: '2.0', id: 'ü', result: { tasks: [TASK, OTHER] } },
    });
    await expectRelayed(client, alpha, {
      ...{ method: 'tasks/get', params: { taskId: TASK.taskId }, answer: { result: TASK } },
    });
  });

  it('passes on the status and the progress of a task after it was started', async () => {
    const status = { method: 'notifications/tasks/status', params: { ...TASK, status: 'failed' } };
    const progress = { progress: 0.5, message: 'ü', ...RICH };
    const alpha = await stage.backend('alpha', script(), mode);
    const client = await stage.serve({ alpha });
    await client.callTool(
      'alpha__play',
      { result: { task: TASK }, afterwards: [{ progress }, { notify: status }] },
      { progressToken: 'token ü' },
    );
    expect(await client.waitForNotification(status.method)).toStrictEqual({
      ...{ jsonrpc: '2.0', ...status },
    });
    expect(client.notifications('notifications/progress')).toStrictEqual([
      {
        ...{ jsonrpc: '2.0', method: 'notifications/progress' },
        params: { progressToken: 'token ü', ...progress },
      },
    ]);
  });
});

describe('tasks', () => {
  it('that nobody runs are unknown', async () => {
    const alpha = await stage.backend('alpha', script());
    const client = await stage.serve({ alpha });
    await client.listTools();
    for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
      for (const params of [{ taskId: 'nobody' }, { taskId: 5 }, {}]) {
        expect((await client.request(method, params)).error?.code).toBe(-32602);
      }
      expect(alpha.calls(method)).toEqual([]);
    }
  });

  it('of a result that mentions a URI lead to the server that has it', async () => {
    const alpha = await stage.backend('alpha', script());
    const beta = await stage.backend('beta', { initialize: { capabilities: { resources: {} } } });
    const client = await stage.serve({ beta, alpha });
    await run(client);
    await client.result('tasks/result', { taskId: TASK.taskId });
    const params = { uri: 'x://made' };
    const answer = { result: { contents: [] } };
    await expectRelayed(client, alpha, { method: 'resources/read', params, answer });
  });

  it('are listed, too, when another server fails to list its own', async () => {
    const alpha = await stage.backend('alpha', script({ 'tasks/list': { error: ERROR } }));
    const beta = await stage.backend('beta', script(), 'http');
    const client = await stage.serve({ alpha, beta });
    await client.listTools();
    expect(await client.result('tasks/list')).toStrictEqual({ tasks: [TASK, OTHER] });
  });

  it('of a server that has to be started first are listed, too', async () => {
    const alpha = await stage.backend('alpha', script(), 'http');
    const first = await stage.serve({ alpha });
    await first.listTools();
    await first.close();
    const second = await stage.serve({ alpha });
    expect(await second.result('tasks/list')).toStrictEqual({ tasks: [TASK, OTHER] });
  });
});

describe('two servers with one task id', () => {
  /** Both run a task of the same id; gives the ids that the client has of them. */
  async function collide(more: object = {}, respond = () => ({ result: {} as JsonObject })) {
    const alpha = await stage.backend('alpha', script(more));
    const beta = await stage.backend('beta', script(more), 'http');
    const capabilities = { elicitation: {} };
    const client = await stage.serve({ alpha, beta }, { capabilities, respond });
    await client.listTools();
    const ids: string[] = [];
    for (const server of ['alpha', 'beta']) {
      const { task } = await run(client, server);
      ids.push(String((task as JsonObject)['taskId']));
    }
    const [ofAlpha = '', ofBeta = ''] = ids;
    expect(ofAlpha).toBe(TASK.taskId);
    expect(ofBeta).not.toBe(ofAlpha);
    return { alpha, beta, client, ofAlpha, ofBeta };
  }

  it('keep them apart in all that a client asks of them', async () => {
    const { alpha, beta, client, ofAlpha, ofBeta } = await collide();
    for (const [server, id] of [
      [alpha, ofAlpha],
      [beta, ofBeta],
    ] as const) {
      const params = { taskId: id, ...RICH };
      const seen = { ...params, taskId: TASK.taskId };
      const related = { ...RESULT._meta, [RELATED]: { taskId: id, ...RICH } };
      for (const [method, answer] of [
        ['tasks/get', { result: { ...TASK, taskId: id } }],
        ['tasks/result', { result: { ...RESULT, _meta: related } }],
        ['tasks/cancel', { result: { ...CANCELLED, taskId: id } }],
      ] as const) {
        await expectRelayed(client, server, { method, params, seen, answer });
      }
    }
    const { tasks: listed } = await client.result('tasks/list');
    const [one, second, three, fourth] = listed as JsonObject[];
    expect([one, three]).toStrictEqual([TASK, { ...TASK, taskId: ofBeta }]);
    // Whichever is seen first keeps its id.
    expect(second?.['taskId']).not.toBe(fourth?.['taskId']);
    for (const other of [second, fourth]) {
      expect(other).toStrictEqual({ ...OTHER, taskId: expect.any(String) });
    }
  });

  it('keep them apart even if one has the id that the other is given', async () => {
    const { alpha, beta, client, ofBeta } = await collide();
    const task = { ...TASK, taskId: 'chosen' };
    for (const [server, taskId] of [
      ['alpha', 'chosen'],
      ['alpha', ofBeta.replace(TASK.taskId, 'chosen')],
    ] as const) {
      const result = { task: { ...task, taskId } };
      expect(await client.callTool(`${server}__play`, { result })).toStrictEqual(result);
    }
    const { task: other } = await client.callTool('beta__play', { result: { task } });
    const id = (other as JsonObject)['taskId'];
    const [method, seen] = ['tasks/get', { taskId: 'chosen' }];
    const answer = { result: { ...TASK, taskId: expect.any(String) } };
    await expectRelayed(client, beta, { method, params: { taskId: id }, seen, answer });
    const taskId = ofBeta.replace(TASK.taskId, 'chosen');
    await expectRelayed(client, alpha, { method, params: { taskId }, answer });
  });

  it('keep their status apart', async () => {
    const { client, ofAlpha, ofBeta } = await collide();
    const method = 'notifications/tasks/status';
    const steps = [{ notify: { method, params: TASK } }];
    for (const server of ['alpha', 'beta']) {
      await client.callTool(`${server}__play`, { steps });
    }
    await client.waitForNotification(method, 2);
    expect(client.notifications(method)).toStrictEqual(
      [ofAlpha, ofBeta].map((taskId) => ({ jsonrpc: '2.0', method, params: { ...TASK, taskId } })),
    );
  });

  it('keep their questions and the answers to these apart', async () => {
    const related = (taskId: string) => ({ _meta: { [RELATED]: { taskId, ...RICH } } });
    let answer = {};
    const { beta, client, ofBeta } = await collide({}, () => ({ result: answer }));
    answer = { action: 'accept', ...related(ofBeta) };
    const request = {
      method: 'elicitation/create',
      params: { message: 'ü', ...related(TASK.taskId) },
    };
    await client.callTool('beta__play', { steps: [{ request }] });
    const got = client.received.find(({ method }) => method === request.method);
    expect(got?.['params']).toStrictEqual({ message: 'ü', ...related(ofBeta) });
    const sent = beta.sent().find(({ method }) => method === request.method);
    expect(beta.received().find(({ id, method }) => !method && id === sent?.['id'])).toStrictEqual({
      jsonrpc: '2.0',
      id: sent?.['id'],
      result: { action: 'accept', ...related(TASK.taskId) },
    });
  });

  it('keep their progress and log messages apart', async () => {
    const { client, ofBeta } = await collide();
    const _meta = { [RELATED]: { taskId: TASK.taskId } };
    const notify = { method: 'notifications/message', params: { level: 'info', data: 1, _meta } };
    const steps = [{ progress: { progress: 1, _meta } }, { notify }];
    await client.callTool('beta__play', { steps }, { progressToken: 'p' });
    await waitFor(() => client.notifications('notifications/message')[0]);
    for (const method of ['notifications/progress', 'notifications/message']) {
      const [params] = client.notifications(method).map((message) => message['params']);
      expect(params).toMatchObject({ _meta: { [RELATED]: { taskId: ofBeta } } });
    }
  });
});
