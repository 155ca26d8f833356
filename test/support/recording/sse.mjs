/** The deprecated HTTP+SSE transport (specification 2024-11-05) for the recording backend. */
import { randomUUID } from 'node:crypto';
import { createPeer } from './peer.mjs';
import { listen, openStream, readMessage, writeEvent } from './web.mjs';

/** Serves the script: GET /sse opens a session, POST /messages?sessionId= carries its messages. */
export function serveSse({ script, recorder, port, token }) {
  const sessions = new Map();

  function open({ response }) {
    const session = randomUUID();
    openStream(response);
    const peer = createPeer({
      script,
      recorder,
      send(message) {
        recorder.sent(message, { session });
        writeEvent(response, 'message', JSON.stringify(message));
      },
    });
    sessions.set(session, peer);
    response.on('close', () => sessions.delete(session));
    writeEvent(response, 'endpoint', `/messages?sessionId=${session}`);
  }

  async function post(exchange) {
    const session = exchange.url.searchParams.get('sessionId') ?? '';
    const peer = sessions.get(session);
    if (peer === undefined) return exchange.refuse(404, 'no such session');
    const message = await readMessage(exchange, recorder, session, script.delays);
    if (message === undefined) return;
    exchange.response.writeHead(202).end('Accepted');
    await peer.receive(message);
  }

  const routes = { 'GET /sse': open, 'POST /messages': (exchange) => void post(exchange) };
  listen({ port, token, recorder, path: '/sse', routes });
}
