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

describe('closing a session', () => {
  it('gives up requests and notifications that are under way', async () => {
    const gone: string[] = [];
    const server = await startServer(({ method, message }, response) => {
      if (message.method === 'initialize') json(response, result(message.id));
      else if (method === 'DELETE') response.writeHead(200).end();
      // Never answered: the server sees that nobody waits any more.
      else response.on('close', () => gone.push(String(message.method)));
    });
    const { transport } = connectTo(server.url);
    await transport.send(INITIALIZE);
    const messages: Message[] = [
      { jsonrpc: '2.0', method: 'notifications/progress' },
      { jsonrpc: '2.0', id: 2, method: 'tools/call' },
      { jsonrpc: '2.0', id: 'x', result: {} },
    ];
    const sent = messages.map((message) =>
      transport.send(message).catch((error: unknown) => error),
    );
    await expect.poll(() => server.received).toHaveLength(4);
    await transport.close();
    for (const outcome of await Promise.all(sent)) {
      expect(outcome).toMatchObject({ code: 'INTERRUPTED' });
    }
    await expect
      .poll(() => gone.toSorted())
      .toEqual([...['notifications/progress', 'tools/call', 'undefined']]);
  });
});
