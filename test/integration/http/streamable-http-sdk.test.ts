import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { describe, expect, test } from 'vitest';
import type { Transport } from '../../../src/rpc/transport.ts';
import { connectTo, INITIALIZED, type Observed, until } from '../../support/http/connection.ts';
import { startSdkServer } from '../../support/http/sdk-servers.ts';

const VERSION = '2025-11-25';

async function initialize({ transport, message }: Observed<Transport>): Promise<void> {
  const params = {
    protocolVersion: VERSION,
    capabilities: {},
    clientInfo: { name: 't', version: '1' },
  };
  await transport.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
  await message((one) => 'id' in one && one.id === 0);
  transport.setProtocolVersion?.(VERSION);
  await transport.send(INITIALIZED);
}

const call = (id: number, name: string, args = {}) =>
  ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }) as const;

describe.each([
  ['event streams', false],
  ['JSON answers', true],
])('a server of the SDK with %s', (_name, json) => {
  test('initialize, calls, and the end of the session', async () => {
    const server = await startSdkServer({ json });
    const connection = connectTo(server.url);
    const { transport, messages, errors } = connection;
    await initialize(connection);
    const text = 'Grüße, 世界 🌍'.repeat(5000);
    await Promise.all([
      transport.send(call(1, 'echo', { text })),
      transport.send(call(2, 'echo', { text: 'two' })),
    ]);
    const answers = messages.filter((one) => 'id' in one && one.id !== 0);
    expect(answers).toHaveLength(2);
    expect(answers.find((one) => 'id' in one && one.id === 1)).toMatchObject({
      result: { content: [{ type: 'text', text }] },
    });
    expect(server.received.at(-1)?.headers).toMatchObject({
      'mcp-protocol-version': VERSION,
      'mcp-session-id': [...server.sessions.keys()][0],
    });
    await transport.close();
    expect(server.sessions.size).toBe(0);
    expect(errors).toEqual([]);
  });

  test('a session that is gone', async () => {
    const server = await startSdkServer({ json });
    const connection = connectTo(server.url);
    await initialize(connection);
    server.sessions.clear();
    await expect(connection.transport.send(call(1, 'echo'))).rejects.toMatchObject({
      message: expect.stringContaining('session lost'),
    });
    expect(connection.closed).toHaveLength(1);
  });
});

describe('a server of the SDK with event streams', () => {
  test('messages before the answer arrive before it', async () => {
    const server = await startSdkServer();
    const connection = connectTo(server.url);
    await initialize(connection);
    await connection.transport.send(call(1, 'slow'));
    expect(connection.messages.slice(1)).toMatchObject([
      { method: 'notifications/message', params: { data: 'working' } },
      { id: 1, result: { content: [{ text: 'done' }] } },
    ]);
  });

  test('what belongs to no request comes on the stream of the server', async () => {
    const server = await startSdkServer();
    const connection = connectTo(server.url);
    await initialize(connection);
    await until(() => server.received.some(({ method }) => method === 'GET'));
    await server.servers[0]?.sendToolListChanged();
    const changed = 'notifications/tools/list_changed';
    await connection.message((one) => 'method' in one && one.method === changed);
  });

  test('a cut stream is resumed from its event store', async () => {
    const server = await startSdkServer({ eventStore: memoryEventStore() });
    const connection = connectTo(server.url);
    await initialize(connection);
    await until(() => server.received.some(({ method }) => method === 'GET'));
    const [mcp] = server.servers;
    await mcp?.server.sendToolListChanged();
    await connection.message((one) => 'method' in one && one.method.includes('tools'));
    const before = server.received.length;
    server.cut();
    await mcp?.server.sendResourceListChanged();
    await connection.message((one) => 'method' in one && one.method.includes('resources'));
    expect(server.received.slice(before)).toMatchObject([
      { method: 'GET', headers: { 'last-event-id': expect.any(String) } },
    ]);
  });
});

function memoryEventStore(): EventStore {
  type Sent = Parameters<EventStore['storeEvent']>[1];
  const events: { id: string; stream: string; message: Sent }[] = [];
  return {
    storeEvent: async (stream, message) => {
      const id = `${stream}_${events.length}`;
      events.push({ id, stream, message });
      return id;
    },
    replayEventsAfter: async (last, { send }) => {
      const index = events.findIndex(({ id }) => id === last);
      const stream = events[index]?.stream ?? '';
      for (const event of events.slice(index + 1)) {
        if (event.stream === stream) await send(event.id, event.message);
      }
      return stream;
    },
  };
}
