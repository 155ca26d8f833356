import { describe, expect, it } from 'vitest';
import { McpMasterError } from '../../../src/errors.ts';
import { Peer } from '../../../src/rpc/peer.ts';
import { relay, toErrorObject } from '../../../src/rpc/relay.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';

/** A client and a server on either side of a relay. */
function createRelay() {
  const [client, server] = [new MemoryTransport(), new MemoryTransport()];
  const { log } = memoryLog();
  const rest = { onNotification: () => undefined, onClose: () => undefined };
  const back = new Peer(server, { ...rest, onRequest: () => undefined }, { label: 'server', log });
  new Peer(
    client,
    { ...rest, onRequest: (request) => relay(request, back) },
    { label: 'client', log },
  );
  return { client, server };
}

describe('relay', () => {
  it('passes params and result on as they are, under ids of its own', () => {
    const { client, server } = createRelay();
    const params = {
      name: 'x',
      arguments: { n: 1 },
      _meta: { 'a/b': [1] },
      unknown: { deep: null },
    };
    client.receive({ jsonrpc: '2.0', id: 'abc', method: 'tools/call', params });
    expect(server.last).toEqual({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
    const result = { content: [{ type: 'hologram', data: 1 }], _meta: { z: 1 }, more: [] };
    server.receive({ jsonrpc: '2.0', id: 1, result });
    expect(client.sent).toEqual([{ jsonrpc: '2.0', id: 'abc', result }]);
  });

  it('sends no params where there were none', () => {
    const { client, server } = createRelay();
    client.receive({ jsonrpc: '2.0', id: 1, method: 'roots/list' });
    expect(server.last).toEqual({ jsonrpc: '2.0', id: 1, method: 'roots/list' });
  });

  it('exchanges the progress token both ways', () => {
    const { client, server } = createRelay();
    const params = { _meta: { progressToken: 'tok', other: 1 } };
    client.receive({ jsonrpc: '2.0', id: 9, method: 'tools/call', params });
    expect(server.last).toMatchObject({ params: { _meta: { progressToken: 1, other: 1 } } });
    const progress = { progressToken: 1, progress: 0.5, total: 2, message: 'half', extra: true };
    server.receive({ jsonrpc: '2.0', method: 'notifications/progress', params: progress });
    expect(client.last).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { ...progress, progressToken: 'tok' },
    });
  });

  it('passes a cancellation on and answers neither side afterwards', () => {
    const { client, server } = createRelay();
    client.receive({ jsonrpc: '2.0', id: 9, method: 'tools/call', params: {} });
    const params = { requestId: 9, reason: 'r' };
    client.receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    expect(server.last).toMatchObject({
      method: 'notifications/cancelled',
      params: { requestId: 1, reason: 'r' },
    });
    server.receive({ jsonrpc: '2.0', id: 1, result: {} });
    expect(client.sent).toEqual([]);
  });

  it('passes an error on with its data', () => {
    const { client, server } = createRelay();
    client.receive({ jsonrpc: '2.0', id: 9, method: 'tools/call', params: {} });
    const error = { code: -32042, message: 'm', data: { a: 1 }, extra: 2 };
    server.receive({ jsonrpc: '2.0', id: 1, error });
    expect(client.sent).toEqual([{ jsonrpc: '2.0', id: 9, error }]);
  });
});

describe('toErrorObject', () => {
  it.each([
    ['BACKEND_TIMEOUT', -32001],
    ['UNKNOWN_TOOL', -32602],
    ['INTERNAL', -32603],
    ['BACKEND_EXITED', -32000],
  ] as const)('gives %s the JSON-RPC code %i', (code, rpcCode) => {
    const error = new McpMasterError(code, 'it broke', { hint: 'Mend it.' });
    expect(toErrorObject(error)).toEqual({
      code: rpcCode,
      message: 'it broke. Mend it.',
      data: { code, hint: 'Mend it.' },
    });
  });
});
