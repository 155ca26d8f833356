import type { LookupFunction } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createSseTransport } from '../../../src/backend/sse-transport.ts';
import type { StreamableHttpTransport } from '../../../src/backend/streamable-http.ts';
import { probeChallenge } from '../../../src/oauth/discovery/probe.ts';
import { revokeTokens } from '../../../src/oauth/tokens/revocation.ts';
import { createFetch } from '../../../src/platform/fetch.ts';
import {
  connectTo,
  INITIALIZED,
  request,
  testClient,
  until,
} from '../../support/http/connection.ts';
import {
  type Handler,
  json,
  type Received,
  result,
  type ScriptedServer,
  startServer,
  stream,
} from '../../support/http/scripted-server.ts';
import { memoryLog } from '../../support/memory-log.ts';
import {
  found,
  metadata,
  OAUTH,
  RESOURCE,
  resource,
  startGood,
} from '../oauth/discovery-support.ts';
import {
  client,
  oauthDeps,
  serverAt,
  tokenEndpoint,
  tokenSet,
} from '../oauth/token-requests-support.ts';

const STATUSES = [301, 302, 303, 307, 308];

/** Credentials of every kind. */
const SECRETS = {
  Authorization: 'Bearer the-token',
  'X-API-Key': 'the-key',
  Cookie: 'session=the-cookie',
};

/** As Node shows them. */
const ARRIVED = {
  authorization: 'Bearer the-token',
  'x-api-key': 'the-key',
  cookie: 'session=the-cookie',
};

/** Every name is this computer: whoever followed a redirect would get somewhere. */
const lookup: LookupFunction = (_host, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

const redirect = (response: Parameters<Handler>[1], status: number, location: string) =>
  void response.writeHead(status, { location }).end();

/** Where a redirect may try to lead: the server's own port, and that of another one. */
const ELSEWHERE: [string, (own: number, other: number) => string][] = [
  ['another port', (_, other) => `http://127.0.0.1:${other}/mcp`],
  ['another name for the same computer', (own) => `http://localhost:${own}/mcp`],
  ['another host', (_, other) => `http://elsewhere.test:${other}/mcp`],
  ['https', (_, other) => `https://127.0.0.1:${other}/mcp`],
  ['a URL without a scheme', (_, other) => `//127.0.0.1:${other}/mcp`],
  ['a path that is none', (_, other) => `\\\\127.0.0.1:${other}\\mcp`],
  ['a user name like the origin', (own, other) => `http://127.0.0.1:${own}@127.0.0.1:${other}/`],
];

type Wire = Pick<ScriptedServer, 'url'> & { received: readonly Received[] };

/** The requests that carry credentials: each makes one that is redirected, and waits for what comes of it. */
const REQUESTS: [string, 'GET' | 'POST' | 'DELETE', (wire: Wire) => Promise<string>][] = [
  ['a POST', 'POST', async (wire) => failureOf(open(wire).transport.send(request(1)))],
  [
    "the server's stream",
    'GET',
    async (wire) => {
      const { transport, log } = open(wire);
      await transport.send(INITIALIZED);
      return logged(log, 'the stream from the server broke');
    },
  ],
  [
    'a resumption',
    'GET',
    async (wire) => {
      const { transport } = open(wire);
      return failureOf(transport.send(request(7)));
    },
  ],
  [
    'the end of a session',
    'DELETE',
    async (wire) => {
      const { transport, log } = open(wire);
      await transport.send(request(0, 'initialize'));
      await transport.close();
      return logged(log, 'the session was not ended');
    },
  ],
  [
    'the stream of the deprecated transport',
    'GET',
    async ({ url }) => {
      const transport = createSseTransport({ ...known(), url, log: memoryLog().log });
      return failureOf(transport.start());
    },
  ],
];

const known = () => ({
  client: testClient({ lookup }),
  headers: async () => SECRETS,
  readTimeoutMs: 60_000,
});

const open = ({ url }: Wire) => connectTo(url, known());

async function failureOf(sending: Promise<unknown> | undefined): Promise<string> {
  const error: unknown = await Promise.resolve(sending).then(
    () => expect.fail('it was answered'),
    (reason) => reason,
  );
  const { message, cause } = error as Error;
  return `${message} ${cause instanceof Error ? cause.message : ''}`;
}

async function logged(log: readonly string[], what: string): Promise<string> {
  await until(() => log.some((line) => line.includes(what)));
  return log.join('\n');
}

/** Answers what leads to the request that is to be redirected. */
const leadUp: Handler = ({ message }, response) => {
  if (message.method === 'initialize') {
    response.setHeader('mcp-session-id', 'the-session');
    json(response, result(message.id));
  } else if (message.id === 7) {
    stream(response)('retry: 1\nid: 7\ndata: \n\n');
    response.end();
  } else response.writeHead(202).end();
};

describe.each(REQUESTS)('%s', (_, method, make) => {
  const isFinal = (received: Received) =>
    received.method === method && !(method === 'POST' && received.message.id !== 1);

  const cases = STATUSES.flatMap((status) =>
    ELSEWHERE.map(([where, location]) => [status, where, location] as const),
  );

  test.each(cases)('%i to %s: nothing arrives there', async (status, _where, location) => {
    const other = await startServer((_received, response) => response.end());
    const server = await startServer((received, response) => {
      if (isFinal(received)) redirect(response, status, location(server.port, other.port));
      else leadUp(received, response);
    });
    expect(await make(server)).toContain('redirects to another origin');
    expect([other.connections(), other.received]).toEqual([0, []]);
    // Nothing came back under another name either, and what came had the credentials.
    for (const { headers } of server.received) {
      expect(headers).toMatchObject({ ...ARRIVED, host: `127.0.0.1:${server.port}` });
    }
  });

  test.each(STATUSES)(
    '%i within the origin, then away: only the origin has seen it',
    async (status) => {
      const other = await startServer((_received, response) => response.end());
      const server = await startServer((received, response) => {
        if (received.path === '/second') redirect(response, status, `${other.origin}/third`);
        else if (isFinal(received)) redirect(response, status, '/second');
        else leadUp(received, response);
      });
      await make(server);
      expect([other.connections(), other.received]).toEqual([0, []]);
      const second = server.received.find(({ path }) => path === '/second');
      expect(second).toMatchObject({
        headers: ARRIVED,
        method: status === 303 ? 'GET' : method,
      });
    },
  );
});

test.each(STATUSES)(
  '%i away, after a 401: the other token does not arrive there',
  async (status) => {
    const other = await startServer((_, response) => response.end());
    const server = await startServer(({ headers }, response) => {
      if (headers.authorization === 'Bearer 2') redirect(response, status, `${other.origin}/mcp`);
      else response.writeHead(401).end();
    });
    let token = 1;
    const { transport } = connectTo(server.url, {
      headers: async () => ({ Authorization: `Bearer ${token}` }),
      onUnauthorized: async () => {
        token += 1;
        return true;
      },
    });
    await expect(transport.send(request(1))).rejects.toMatchObject({ code: 'BACKEND_PROTOCOL' });
    expect([server.received.length, other.connections()]).toEqual([2, 0]);
  },
);

test.each(STATUSES)('%i: no message of the deprecated transport goes away', async (status) => {
  const other = await startServer((_, response) => response.end());
  const server = await startServer(({ method }, response) => {
    if (method === 'POST') redirect(response, status, `${other.origin}/messages`);
    else stream(response)('event: endpoint\ndata: /messages\n\n');
  });
  const transport = createSseTransport({ ...known(), url: server.url, log: memoryLog().log });
  await transport.start();
  expect(await failureOf(transport.send(request(1)))).toContain('redirects to another origin');
  await transport.close();
  expect(other.connections()).toBe(0);
});

describe.each(STATUSES)('requests about logins: %i', (status) => {
  test('the credentials of a token request and of a revocation go nowhere', async () => {
    const other = await startServer((_, response) => json(response, { access_token: 'stolen' }));
    const away: Handler = (_, response) => redirect(response, status, `${other.origin}/token`);
    const secret = client({ authMethod: 'client_secret_basic', clientSecret: 'the-secret' });
    const { exchange, refresh, server } = await tokenEndpoint(away, { client: secret });
    for (const asked of [exchange(), refresh()]) {
      await expect(asked).rejects.toMatchObject({ message: expect.stringContaining('redirect') });
    }
    const revocation = {
      ...{ authorizationServer: serverAt(server.origin), client: secret, tokens: tokenSet() },
    };
    await expect(revokeTokens(revocation, oauthDeps().deps)).rejects.toMatchObject({
      message: expect.stringContaining('redirect'),
    });
    expect(server.received).toHaveLength(3);
    for (const { headers } of server.received) expect(headers.authorization).toMatch(/^Basic /);
    expect(other.connections()).toBe(0);
  });

  test('within the origin neither: the endpoint is the one that the metadata name', async () => {
    const { refresh, server } = await tokenEndpoint(({ path }, response) => {
      if (path === '/token') redirect(response, status, '/elsewhere');
      else json(response, { access_token: 'new', token_type: 'Bearer' });
    });
    await expect(refresh()).rejects.toMatchObject({ code: 'REFRESH_FAILED' });
    expect(server.received.map(({ path }) => path)).toEqual(['/token']);
  });

  test('the probe takes configured headers nowhere else', async () => {
    const other = await startServer((_, response) => response.end());
    const server = await startServer((_, response) => redirect(response, status, other.url.href));
    const deps = { fetch: createFetch(testClient()), log: memoryLog().log };
    const probed = await probeChallenge({ url: server.url, headers: SECRETS }, deps);
    expect(probed).toBeUndefined();
    expect(other.connections()).toBe(0);
    expect(server.received[0]?.headers).toMatchObject({ 'x-api-key': 'the-key' });
  });

  test('metadata may be elsewhere, and are asked for without any credential', async () => {
    const away = (path: string) => (response: Parameters<Handler>[1]) =>
      redirect(response, status, `${other.origin}${path}`);
    const server = await startGood(() => ({
      [`${RESOURCE}/mcp`]: away('/resource'),
      [OAUTH]: away('/server'),
    }));
    const other = await startServer(({ path }, response) => {
      json(response, path === '/server' ? metadata(server.origin) : resource(server.origin));
    });
    const { authorizationServer } = await found(server.url);
    expect(authorizationServer.metadata.issuer).toBe(server.origin);
    expect(other.received.map(({ path }) => path)).toEqual(['/resource', '/server']);
    for (const { headers, method, body } of other.received) {
      expect([method, body]).toEqual(['GET', '']);
      expect(Object.keys(headers).sort()).toEqual([
        'accept',
        'connection',
        'host',
        'mcp-protocol-version',
      ]);
    }
  });
});

test('within the origin, each request keeps its headers', async () => {
  const server = await startServer((received, response) => {
    if (received.path === '/mcp') return redirect(response, 307, '/there');
    if (received.method === 'GET') return void stream(response)('');
    leadUp(received, response);
  });
  const { transport }: { transport: StreamableHttpTransport } = open(server);
  await transport.send(request(0, 'initialize'));
  await transport.send(INITIALIZED);
  await until(() =>
    server.received.some(({ method, path }) => method === 'GET' && path === '/there'),
  );
  await transport.close();
  const there = server.received.filter(({ path }) => path === '/there');
  expect(there.map(({ method }) => method)).toEqual(['POST', 'POST', 'GET', 'DELETE']);
  for (const { headers } of there) expect(headers).toMatchObject(ARRIVED);
  expect(there.slice(1).map(({ headers }) => headers['mcp-session-id'])).toEqual(
    Array(3).fill('the-session'),
  );
});
