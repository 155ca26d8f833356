/** Streamable HTTP (specification 2025-11-25, "Transports") for the recording backend. */
import { randomUUID } from 'node:crypto';
import { createPeer } from './peer.mjs';
import { listen, openStream, readMessage, writeEvent } from './web.mjs';

/** Serves the script at /mcp, one session for each `initialize`. */
export function serveHttp({ script, recorder, port, token, sseAnswers, stream }) {
  const sessions = new Map();
  const service = { script, recorder, sseAnswers, sessions };
  const routes = {
    'POST /mcp': (exchange) => post(service, exchange),
    'DELETE /mcp': (exchange) =>
      withSession(service, exchange, (session) => remove(service, session, exchange)),
    ...(stream && {
      'GET /mcp': (exchange) =>
        withSession(service, exchange, (session) => attach(session, exchange)),
    }),
  };
  listen({ port, token, recorder, path: '/mcp', routes });
}

function withSession({ sessions }, { request, refuse }, use) {
  const id = request.headers['mcp-session-id'];
  if (id === undefined) return refuse(400, 'Mcp-Session-Id is missing');
  const session = sessions.get(id);
  return session === undefined ? refuse(404, 'no such session') : use(session);
}

function attach(session, { response }) {
  openStream(response);
  session.stream = response;
  response.on('close', () => {
    if (session.stream === response) session.stream = undefined;
  });
  for (const message of session.waiting.splice(0)) writeEvent(response, 'message', message);
}

function remove({ sessions }, session, { response }) {
  sessions.delete(session.id);
  session.stream?.end();
  response.writeHead(200).end();
}

async function post(service, exchange) {
  const known = exchange.request.headers['mcp-session-id'];
  const { recorder, script } = service;
  const message = await readMessage(exchange, recorder, known, script.delays);
  if (message === undefined) return;
  if (message.method === 'initialize') return take(newSession(service), message, exchange);
  withSession(service, exchange, (session) => void take(session, message, exchange));
}

function newSession(service) {
  const { script, recorder } = service;
  const session = { id: randomUUID(), service, answers: new Map(), waiting: [], stream: undefined };
  session.peer = createPeer({
    script,
    recorder,
    send(message, requestId) {
      recorder.sent(message, { session: session.id });
      deliver(session, message, requestId);
    },
  });
  service.sessions.set(session.id, session);
  return session;
}

async function take(session, message, { response }) {
  const isRequest = message.method !== undefined && message.id !== undefined;
  if (!isRequest) {
    response.writeHead(202).end();
    return session.peer.receive(message);
  }
  session.answers.set(message.id, response);
  await session.peer.receive(message);
  session.answers.delete(message.id);
  // Cancelled, or meant never to be answered: the stream stays open as a slow server's would.
}

/** On the stream of the request that it belongs to, else on the session's own, else kept for it. */
function deliver(session, message, requestId) {
  const text = JSON.stringify(message);
  const response = session.answers.get(requestId);
  if (response !== undefined) return answerOn(session, response, message, text);
  if (session.stream) return writeEvent(session.stream, 'message', text);
  session.waiting.push(text);
}

function answerOn(session, response, message, text) {
  const headers = { 'mcp-session-id': session.id };
  const isAnswer = message.method === undefined;
  if (isAnswer && !response.headersSent && !session.service.sseAnswers) {
    return response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(text);
  }
  if (!response.headersSent) openStream(response, headers);
  writeEvent(response, 'message', text);
  if (isAnswer) response.end();
}
