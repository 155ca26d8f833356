import { describe, expect, it } from 'vitest';
import type { Message } from '../../../src/rpc/message.ts';
import { connectTo } from '../../support/http/connection.ts';
import { json, result, startServer } from '../../support/http/scripted-server.ts';

const INITIALIZE: Message = { jsonrpc: '2.0', id: 1, method: 'initialize' };

describe('closing in the middle of the handshake', () => {
  it('ends the session that the server was just opening', async () => {
    const server = await startServer(({ method, message }, response) => {
      if (method === 'DELETE') {
        response.writeHead(200).end();
        return;
      }
      setTimeout(() => {
        response.setHeader('mcp-session-id', 'just-opened');
        json(response, result(message.id));
      }, 50);
    });
    const { transport } = connectTo(server.url);
    const sent = transport.send(INITIALIZE).catch(() => undefined);
    await transport.close();
    await sent;
    expect(
      server.received.map(({ method, headers }) => [method, headers['mcp-session-id']]),
    ).toEqual([
      ['POST', undefined],
      ['DELETE', 'just-opened'],
    ]);
  });

  it('does not wait long for a server that does not answer', async () => {
    const server = await startServer(() => undefined);
    const { transport } = connectTo(server.url);
    const sent = transport.send(INITIALIZE).catch((error: unknown) => error);
    await transport.close();
    expect(await sent).toMatchObject({ code: 'INTERRUPTED' });
    expect(server.received).toHaveLength(1);
  });
});
