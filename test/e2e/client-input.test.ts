import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { supportProgram } from '../support/bin.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

const ALPHA = {
  command: process.execPath,
  args: [supportProgram('recording-backend.mjs'), 'stdio'],
};

let client: RecordingClient;
beforeEach(async () => {
  client = await startServe({ servers: { alpha: ALPHA } });
});
afterEach(async () => {
  await client.close();
});

/** The session is as good as before. */
async function expectAlive(): Promise<void> {
  const result = await client.callTool('alpha__echo', { message: 'alive' });
  expect(result).toEqual({ content: [{ type: 'text', text: 'alive' }] });
}

describe('what a client may send', () => {
  it.each([
    ['half a message', '{"jsonrpc":"2.0","id":1,', -32700],
    ['text', 'hello', -32700],
    [
      'bytes that are not UTF-8',
      Buffer.concat([
        Buffer.from('{"jsonrpc":"2.0","method":"x","params":{"a":"'),
        Buffer.from([0xff]),
        Buffer.from('"}}'),
      ]),
      -32700,
    ],
    ['a number', '42', -32600],
    ['an empty batch', '[]', -32600],
    ['another version of JSON-RPC', '{"jsonrpc":"1.0","method":"ping"}', -32600],
    ['positional params', '{"jsonrpc":"2.0","method":"ping","params":[1]}', -32600],
    ['a null id', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600],
  ])('%s is answered with an error, and the session lives', async (_, line, code) => {
    await client.initialize();
    client.sendRaw(line);
    client.sendRaw('\n');
    const answer = await client.waitForMessage(({ error }) => error !== undefined);
    expect(answer).toMatchObject({ id: null, error: { code } });
    await expectAlive();
  });

  it('answers a bad request under its id, where it has one', async () => {
    await client.initialize();
    client.sendRaw('{"jsonrpc":"2.0","id":"q","method":"tools/list","params":[]}\n');
    expect(await client.expectAnswer('q')).toMatchObject({ error: { code: -32600 } });
    await expectAlive();
  });

  it('answers a message of over 16 MiB with an error under its id', async () => {
    await client.initialize();
    client.sendRaw(
      `{"jsonrpc":"2.0","id":"big","method":"x","params":{"a":"${'x'.repeat(17 * 1024 * 1024)}"}}\n`,
    );
    expect(await client.expectAnswer('big')).toMatchObject({
      error: { code: -32600, message: expect.stringContaining('16 MiB') },
    });
    await expectAlive();
  });

  it('leaves a bad answer unanswered', async () => {
    await client.initialize();
    client.sendRaw('{"jsonrpc":"2.0","id":5,"result":[]}\n');
    await expectAlive();
    expect(client.strayAnswers).toEqual([]);
  });

  it('takes a batch apart', async () => {
    await client.initialize();
    client.sendRaw(
      '[{"jsonrpc":"2.0","id":"a","method":"ping"},{"jsonrpc":"2.0","id":"b","method":"ping"}]\n',
    );
    expect(await Promise.all([client.expectAnswer('a'), client.expectAnswer('b')])).toEqual([
      { jsonrpc: '2.0', id: 'a', result: {} },
      { jsonrpc: '2.0', id: 'b', result: {} },
    ]);
  });

  it('refuses an unknown method, also one that every object has', async () => {
    await client.initialize();
    for (const method of ['no/such/method', 'toString', '__proto__', 'server/discover']) {
      expect(await client.request(method)).toMatchObject({
        error: { code: -32601, message: `Method not found: ${method}` },
      });
    }
    await expectAlive();
  });

  it('refuses an unknown tool, naming near matches', async () => {
    await client.initialize();
    const answer = await client.request('tools/call', { name: 'alpha__ecco' });
    expect(answer.error).toEqual({
      code: -32602,
      message: 'Unknown tool: alpha__ecco. The nearest are: alpha__echo.',
      data: { code: 'UNKNOWN_TOOL', hint: 'The nearest are: alpha__echo.', near: ['alpha__echo'] },
    });
  });

  it.each([{}, { name: 5 }, undefined])(
    'refuses a call without the name of a tool: %o',
    async (params) => {
      await client.initialize();
      expect(await client.request('tools/call', params)).toMatchObject({ error: { code: -32602 } });
      await expectAlive();
    },
  );

  it('refuses a cursor that it did not give', async () => {
    await client.initialize();
    expect(await client.request('tools/list', { cursor: 'x' })).toMatchObject({
      error: { code: -32602 },
    });
  });

  it('ignores the cancellation of what is not under way', async () => {
    await client.initialize();
    client.notify('notifications/cancelled', { requestId: 'nothing' });
    client.notify('notifications/cancelled', {});
    client.notify('notifications/progress', { progressToken: 99, progress: 1 });
    client.notify('notifications/unheard/of');
    await expectAlive();
  });
});

describe('the beginning of a session', () => {
  it('refuses requests before initialize, but answers ping', async () => {
    expect(await client.request('tools/list')).toMatchObject({ error: { code: -32600 } });
    expect(await client.request('tools/call', { name: 'alpha__echo' })).toMatchObject({
      error: { code: -32600 },
    });
    expect(await client.request('ping')).toMatchObject({ result: {} });
    await client.initialize();
    await expectAlive();
  });

  it('refuses to be initialized twice', async () => {
    await client.initialize();
    const again = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    };
    expect(await client.request('initialize', again)).toMatchObject({ error: { code: -32600 } });
    await expectAlive();
  });

  it('refuses to be initialized without a revision', async () => {
    expect(await client.request('initialize', {})).toMatchObject({ error: { code: -32602 } });
    await client.initialize();
    await expectAlive();
  });

  it.each([
    ['2025-11-25', '2025-11-25'],
    ['2025-03-26', '2025-03-26'],
    ['2024-11-05', '2024-11-05'],
    ['2099-01-01', '2025-11-25'],
  ])('asked for revision %s, speaks %s', async (asked, spoken) => {
    expect(await client.initialize({}, asked)).toMatchObject({
      protocolVersion: spoken,
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: 'mcp-master', version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
    });
  });
});
