/** What the recording backend's two HTTP transports share. */
import http from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

/** Ten times what any test sends. */
const MAX_BODY = 64 * 1024 * 1024;

/**
 * Listens on 127.0.0.1 and prints `path`'s URL. Every request is recorded and, where a token is
 * demanded, refused without it; the rest goes to `routes['METHOD /path']` with
 * { request, response, url, refuse }, a missing route of a known path being a 405.
 */
export function listen({ port, token, recorder, path, routes }) {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const { method, headers } = request;
    recorder.event('http', { method, url: request.url, headers });
    const refuse = (status, text, more = {}) => {
      recorder.event('refused', { method, url: request.url, status });
      response.writeHead(status, { 'content-type': 'text/plain', ...more }).end(text);
    };
    if (token && headers.authorization !== `Bearer ${token}`) {
      return refuse(401, 'unauthorized', {
        'www-authenticate': 'Bearer realm="recording-backend"',
      });
    }
    const route = routes[`${method} ${url.pathname}`];
    if (route) return void route({ request, response, url, refuse });
    const known = Object.keys(routes).some((key) => key.endsWith(` ${url.pathname}`));
    return refuse(known ? 405 : 404, known ? 'method not allowed' : 'not found');
  });
  server.listen(port, '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${server.address().port}${path}\n`);
  });
}

/**
 * The message in a request's body, recorded; undefined (and answered with 400) when it is none.
 * `delays` (method -> list of ms, one for each time) keeps a message on its way for so long.
 */
export async function readMessage({ request, refuse }, recorder, session, delays = {}) {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) {
    body += chunk;
    if (body.length > MAX_BODY) return void refuse(413, 'too large');
  }
  const { headers } = request;
  try {
    const message = JSON.parse(body);
    const delay = delays[message.method]?.shift();
    if (delay) await wait(delay);
    recorder.received(message, { session, headers });
    return message;
  } catch {
    recorder.receivedRaw(body, { session, headers });
    return void refuse(400, 'not JSON');
  }
}

/** Starts an event stream on a response. */
export function openStream(response, headers = {}) {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    ...headers,
  });
  response.flushHeaders();
}

/** Sends one event. */
export function writeEvent(response, event, data) {
  response.write(`event: ${event}\ndata: ${data}\n\n`);
}
