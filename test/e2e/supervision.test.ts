import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import {
  createTempFolder,
  processAlive,
  supportProgram,
  type TempFolder,
  waitFor,
} from '../support/bin.ts';
import { json, type Received, result, startServer } from '../support/http/scripted-server.ts';
import { type RecordingBackend, recordingBackend } from '../support/recording.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

const TEXT = (text: string) => ({ content: [{ type: 'text', text }] });
const GOOD = {
  command: process.execPath,
  args: [supportProgram('recording-backend.mjs'), 'stdio'],
};

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

async function serve(servers: Record<string, object>): Promise<RecordingClient> {
  const client = await startServe({ servers: { ...servers, good: GOOD } });
  open.push(() => client.close());
  await client.initialize();
  await client.listTools();
  return client;
}

/** An MCP server over HTTP whose calls a test answers. */
function startMcpServer(
  tools: string[],
  onCall: (message: Received['message'], response: ServerResponse) => void,
) {
  const answers: Record<string, object> = {
    initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: {} },
    'tools/list': { tools: tools.map((name) => ({ name, inputSchema: { type: 'object' } })) },
  };
  return startServer(({ message }, response) => {
    const { id, method = '' } = message;
    const answer = answers[method];
    if (id === undefined) response.writeHead(202).end();
    else if (answer !== undefined) json(response, result(id, answer));
    else onCall(message, response);
  });
}

/** The processes of a stdio backend so far, the oldest first. */
function pidsOf({ lines }: RecordingBackend): number[] {
  return lines().flatMap(({ event, pid }) => (event === 'start' ? [Number(pid)] : []));
}

async function expectGood(client: RecordingClient): Promise<void> {
  expect(await client.callTool('good__echo', { message: 'fine' })).toEqual(TEXT('fine'));
}

describe('a server that crashes', () => {
  it('fails what is in flight, is started again by itself, and tells what has changed', async () => {
    const script = {
      tools: [{ name: 'crash', inputSchema: { type: 'object' } }],
      calls: { crash: { steps: [{ exit: 7 }] } },
    };
    const alpha = await recordingBackend(folder.path, 'alpha', script);
    const client = await serve({ alpha: alpha.entry });
    await recordingBackend(folder.path, 'alpha', {
      tools: [{ name: 'new', inputSchema: { type: 'object' } }],
      calls: { new: {} },
    });

    const crashed = await client.request('tools/call', { name: 'alpha__crash' });
    expect(crashed.error).toMatchObject({
      code: -32000,
      message: expect.stringContaining('ended with code 7'),
      data: { code: 'BACKEND_EXITED' },
    });
    await expectGood(client);
    await client.waitForNotification('notifications/tools/list_changed');
    expect((await client.listTools()).map(({ name }) => name)).toEqual([
      'alpha__new',
      'good__echo',
    ]);
    expect(await client.callTool('alpha__new', { message: 'x' })).toEqual(TEXT('x'));
  });

  it('is asked again for what only reads, and not for what may have an effect', async () => {
    const capabilities = { tools: {}, resources: { subscribe: true } };
    const crashing = {
      initialize: { capabilities },
      methods: {
        'resources/list': { result: { resources: [{ uri: 'a:1', name: 'a' }] } },
        'resources/read': { steps: [{ exit: 1 }] },
      },
      calls: { echo: { steps: [{ exit: 1 }] } },
    };
    const contents = { contents: [{ uri: 'a:1', text: 'read at last' }] };
    const alpha = await recordingBackend(folder.path, 'alpha', crashing);
    const client = await serve({ alpha: alpha.entry });
    await recordingBackend(folder.path, 'alpha', {
      ...crashing,
      methods: { ...crashing.methods, 'resources/read': { result: contents } },
    });
    expect(await client.result('resources/read', { uri: 'a:1' })).toEqual(contents);
    expect(await client.request('tools/call', { name: 'alpha__echo' })).toMatchObject({
      error: { data: { code: 'BACKEND_EXITED' } },
    });
    expect(alpha.calls('tools/call')).toHaveLength(1);
  });

  it('is told again what the client follows, and its log level', async () => {
    const script = {
      initialize: { capabilities: { tools: {}, logging: {}, resources: { subscribe: true } } },
      methods: {
        'resources/list': { result: { resources: [{ uri: 'a:1', name: 'a' }] } },
        'resources/subscribe': { result: {} },
        'resources/unsubscribe': { result: {} },
        'logging/setLevel': { result: {} },
      },
    };
    const alpha = await recordingBackend(folder.path, 'alpha', script);
    const client = await serve({ alpha: alpha.entry });
    await client.result('logging/setLevel', { level: 'warning' });
    for (const uri of ['a:1', 'a:2']) await client.result('resources/subscribe', { uri });
    await client.result('resources/unsubscribe', { uri: 'a:2' });
    const before = alpha.received().length;
    const [first = 0] = pidsOf(alpha);
    process.kill(first, 'SIGKILL');
    const repeated = () =>
      alpha
        .received()
        .slice(before)
        .filter(({ method }) => /subscribe|setLevel/.test(String(method)))
        .map(({ method, params }) => ({ method, params }));
    await waitFor(() => repeated().length >= 2);
    expect(repeated()).toEqual([
      { method: 'logging/setLevel', params: { level: 'warning' } },
      { method: 'resources/subscribe', params: { uri: 'a:1' } },
    ]);
  });

  it('leaves nothing behind when it is killed in the middle of calls', async () => {
    const alpha = await recordingBackend(folder.path, 'alpha', {
      calls: { echo: { never: true } },
    });
    const client = await serve({ alpha: alpha.entry });
    const calls = Array.from({ length: 20 }, () =>
      client.request('tools/call', { name: 'alpha__echo' }),
    );
    await waitFor(() => alpha.calls('tools/call').length === 20);
    const [pid = 0] = pidsOf(alpha);
    process.kill(pid, 'SIGKILL');
    for (const { error } of await Promise.all(calls)) expect(error?.message).toContain('SIGKILL');
    await expectGood(client);
    await waitFor(() => pidsOf(alpha).length === 2);
    await client.close();
    for (const one of pidsOf(alpha))
      await waitFor(() => !processAlive(one), { what: `the end of ${one}` });
  });
});

describe('a server that is frozen', () => {
  it('fails its own calls in time, goes on when it thaws, and does not outlive the session', async () => {
    const alpha = await recordingBackend(folder.path, 'alpha');
    const client = await serve({ alpha: { ...alpha.entry, timeout: 1 } });
    const [pid = 0] = pidsOf(alpha);
    process.kill(pid, 'SIGSTOP');
    const frozen = client.request('tools/call', { name: 'alpha__echo' });
    await expectGood(client);
    expect((await frozen).error).toMatchObject({ code: -32001, data: { code: 'BACKEND_TIMEOUT' } });
    process.kill(pid, 'SIGCONT');
    await waitFor(
      async () =>
        (
          await client.request('tools/call', {
            name: 'alpha__echo',
            arguments: { message: 'thawed' },
          })
        ).result,
    );
    process.kill(pid, 'SIGSTOP');
    expect(await client.close()).toMatchObject({ code: 0, killed: false });
    await waitFor(() => !processAlive(pid), { what: 'its end' });
  });
});

describe('a server over HTTP', () => {
  it('that has lost the session is initialised anew, and the call is made once', async () => {
    const first = await recordingBackend(folder.path, 'first', {}, 'http');
    open.push(first.stop);
    const port = new URL(String(first.entry['url'])).port;
    const client = await serve({ alpha: first.entry });
    expect(await client.callTool('alpha__echo', { message: '1' })).toEqual(TEXT('1'));
    await first.stop();
    const second = await recordingBackend(folder.path, 'second', {}, 'http', ['--port', port]);
    open.push(second.stop);
    expect(await client.callTool('alpha__echo', { message: '2' })).toEqual(TEXT('2'));
    expect(second.calls('initialize')).toHaveLength(1);
    const answers = second.sent().filter((message) => JSON.stringify(message).includes('"2"'));
    expect(answers.filter(({ result: answer }) => answer !== undefined)).toHaveLength(1);
  });

  it('that is cut off in the middle of a call fails that call, once, and serves the next', async () => {
    let cut = true;
    const server = await startMcpServer(['echo'], (message, response) => {
      if (cut) response.socket?.destroy();
      else json(response, result(message.id, TEXT('back')));
    });
    const client = await serve({ alpha: { url: server.url.href } });
    const failed = await client.request('tools/call', { name: 'alpha__echo' });
    expect(failed.error).toMatchObject({
      data: { code: 'BACKEND_EXITED', hint: expect.any(String) },
    });
    await expectGood(client);
    cut = false;
    expect(await client.callTool('alpha__echo')).toEqual(TEXT('back'));
    expect(server.received.filter(({ message }) => message.method === 'tools/call')).toHaveLength(
      2,
    );
    await client.close();
    await waitFor(() => server.open() === 0, { what: 'the end of all sockets' });
  });

  it('that answers 429 is asked again when it says, within the time-out', async () => {
    const refusals = ['1', '0'];
    const server = await startMcpServer(['echo', 'busy'], (message, response) => {
      const wait = JSON.stringify(message).includes('busy') ? '600' : refusals.shift();
      if (wait === undefined) json(response, result(message.id, TEXT('at last')));
      else response.writeHead(429, { 'retry-after': wait }).end('too many');
    });
    const client = await serve({ alpha: { url: server.url.href } });
    expect(await client.callTool('alpha__echo')).toEqual(TEXT('at last'));
    const calls = server.received.filter(({ message }) => message.method === 'tools/call');
    expect(calls).toHaveLength(3);
    const busy = await client.request('tools/call', { name: 'alpha__busy' });
    expect(busy.error).toMatchObject({
      message: expect.stringContaining('429'),
      data: { code: 'RATE_LIMITED', hint: expect.stringContaining('600 seconds') },
    });
  });
});

describe('rate_limit', () => {
  it('spreads calls, and refuses those whose time would not come', async () => {
    const alpha = await recordingBackend(folder.path, 'alpha');
    const entry = { ...alpha.entry, timeout: 5, rate_limit: { requests: 2, per: 1 } };
    const client = await serve({
      alpha: entry,
      strict: { ...GOOD, timeout: 5, rate_limit: { requests: 1, per: 60 } },
    });
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) => client.callTool('alpha__echo', { message: String(n) })),
    );
    expect(results).toEqual(['1', '2', '3', '4'].map(TEXT));
    const times = alpha
      .lines()
      .flatMap((line) =>
        line.dir === 'in' && (line.message as JsonObject)['method'] === 'tools/call'
          ? [Number(line['t'])]
          : [],
      );
    // Timers may fire a millisecond early.
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
    expect(await client.callTool('strict__echo', { message: 'x' })).toEqual(TEXT('x'));
    const refused = await client.request('tools/call', { name: 'strict__echo' });
    expect(refused.error).toMatchObject({
      data: { code: 'RATE_LIMITED', hint: expect.stringContaining('rate_limit') },
    });
  });
});

describe('a tool with a bad schema', () => {
  it('is left out and named, and the rest work', async () => {
    const tools = [
      { name: 'echo', inputSchema: { type: 'object' } },
      { name: 'broken', inputSchema: { type: 'object', properties: { a: { type: 'strng' } } } },
    ];
    const alpha = await recordingBackend(folder.path, 'alpha', { tools });
    const client = await serve({ alpha: alpha.entry });
    expect((await client.listTools()).map(({ name }) => name)).toEqual([
      'alpha__echo',
      'good__echo',
    ]);
    expect(client.stderr).toMatch(
      /tool "broken" of server "alpha" is left out: its inputSchema is not valid JSON Schema/,
    );
    expect(await client.callTool('alpha__echo', { message: 'x' })).toEqual(TEXT('x'));
  });
});
