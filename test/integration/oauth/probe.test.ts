import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { probeChallenge } from '../../../src/oauth/discovery/probe.ts';
import { createFetch } from '../../../src/platform/fetch.ts';
import { testClient, until } from '../../support/http/connection.ts';
import { freePort, json, result, startServer, stream } from '../../support/http/scripted-server.ts';
import { memoryLog } from '../../support/memory-log.ts';

const CHALLENGE = 'Bearer error="invalid_token", scope="a b"';

async function probe(url: URL, timeoutMs?: number) {
  const { log, lines } = memoryLog();
  const headers = { 'X-Team': 'core', Authorization: 'Bearer secret-token' };
  const deps = { fetch: createFetch(testClient()), log, timeoutMs };
  return { answer: await probeChallenge({ url, headers }, deps), lines };
}

const refuse = (response: ServerResponse) =>
  void response.writeHead(401, { 'www-authenticate': CHALLENGE }).end('log in first');

test('the first request of a client without a token meets the challenge', async () => {
  const server = await startServer((_, response) => refuse(response));
  const { answer, lines } = await probe(new URL('/mcp?key=secret', server.origin));
  const challenge = { error: 'invalid_token', scopes: ['a', 'b'] };
  expect(answer).toStrictEqual({ status: 401, challenge });
  expect(server.received).toHaveLength(1);
  expect(server.received[0]).toMatchObject({
    method: 'POST',
    path: '/mcp?key=secret',
    headers: {
      'x-team': 'core',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    message: {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'mcp-master' },
      },
    },
  });
  expect(server.received[0]?.headers).not.toHaveProperty('authorization');
  expect(lines).toStrictEqual([
    expect.stringContaining(`POST ${server.origin}/mcp without a token: 401`),
  ]);
});

test.each([404, 405])('a server of the old transport (%i) is asked as such', async (status) => {
  const server = await startServer(({ method }, response) => {
    if (method === 'GET') refuse(response);
    else response.writeHead(status).end();
  });
  expect((await probe(server.url)).answer).toMatchObject({
    status: 401,
    challenge: { error: 'invalid_token' },
  });
  expect(server.received.map(({ method, headers }) => [method, headers.accept])).toStrictEqual([
    ['POST', 'application/json, text/event-stream'],
    ['GET', 'text/event-stream'],
  ]);
});

test('a server that lets everybody in has no challenge, and its streams are ended', async () => {
  const open = await startServer(({ message }, response) => json(response, result(message.id)));
  expect((await probe(open.url)).answer).toStrictEqual({ status: 200, challenge: undefined });
  const old = await startServer(({ method }, response) => {
    if (method === 'GET') stream(response)('event: endpoint\ndata: /messages\n\n');
    else response.writeHead(405).end();
  });
  expect((await probe(old.url)).answer).toStrictEqual({ status: 200, challenge: undefined });
  await until(() => old.open() <= 1);
});

test('a refusal whose body is endless, or cut, is an answer all the same', async () => {
  const endless = await startServer((_, response) => {
    response.writeHead(401, { 'www-authenticate': CHALLENGE });
    const write = () => {
      while (!response.destroyed && response.write('x'.repeat(10_000)));
    };
    response.on('drain', write);
    write();
  });
  expect((await probe(endless.url)).answer?.status).toBe(401);
  await until(() => endless.open() === 0);
  const cut = await startServer((_, response) => {
    response.writeHead(401, { 'www-authenticate': CHALLENGE }).write('log', () => {
      response.socket?.destroy();
    });
  });
  expect((await probe(cut.url)).answer?.status).toBe(401);
});

test('no answer is told, with the reason, and is none', async () => {
  const gone = await probe(new URL(`http://127.0.0.1:${await freePort()}/mcp`));
  expect(gone.answer).toBeUndefined();
  expect(gone.lines).toStrictEqual([expect.stringContaining('connection refused')]);
  const silent = await startServer(() => undefined);
  const late = await probe(silent.url, 50);
  expect(late.answer).toBeUndefined();
  expect(late.lines).toStrictEqual([
    expect.stringMatching(/POST .* failed: no answer within 0.05 s/),
  ]);
});
