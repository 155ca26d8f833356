import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { LoopbackListener, LoopbackOptions } from '../../../src/oauth/doors.ts';
import { OAuthFlowController } from '../../../src/oauth/flow/flow-controller.ts';
import { listenOnLoopback } from '../../../src/platform/loopback-server.ts';

/** A listener that answers with the URL it was asked for, ended with the test. */
async function start(options: Partial<LoopbackOptions> = {}) {
  const seen: string[] = [];
  const listener = await listenOnLoopback({
    hostname: '127.0.0.1',
    port: 0,
    handle: async ({ method, url }) => {
      seen.push(`${method} ${url}`);
      return new Response(url, { headers: { 'x-of-the-page': 'yes' } });
    },
    ...options,
  });
  onTestFinished(() => listener.close());
  return { listener, seen, port: listener.port };
}

/** A listener that holds its one answer back. `asked` resolves when the request is there. */
async function startHeld() {
  let answer: (response: Response) => void = () => {};
  let arrive = () => {};
  const asked = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const held = new Promise<Response>((resolve) => {
    answer = resolve;
  });
  const handle = () => {
    arrive();
    return held;
  };
  return { ...(await start({ handle })), asked, answer };
}

/** A raw connection, ended with the test. */
async function open(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** What comes back for these bytes until the connection is closed from the other side. */
async function raw(port: number, bytes: string, host?: string): Promise<string> {
  const socket = await open(port, host);
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

const statusOf = (answer: string) => Number(answer.split(' ', 2)[1]);

/** Another program at a port, ended with the test. */
async function occupy(host: string, port = 0): Promise<number> {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const ipv6 = Object.values(networkInterfaces()).some((own) =>
  own?.some((one) => one.address === '::1'),
);
if (!ipv6) console.warn('left out: what needs IPv6, which this computer lacks');

const get = (port: number) => `GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;

describe('requests', () => {
  test('get the URL of their Host and path, and one connection each', async () => {
    const { port, seen } = await start();
    const answer = await raw(port, get(port));
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*\r\n/);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
    expect(answer).toContain('x-of-the-page: yes');
    expect(answer).toMatch(new RegExp(`\r\n\r\nhttp://127\\.0\\.0\\.1:${port}/a\\?b=c$`));
    expect(seen).toEqual([`GET http://127.0.0.1:${port}/a?b=c`]);
  });

  test.each([
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n'],
    ['userinfo in the Host', 'GET / HTTP/1.1\r\nHost: evil@127.0.0.1\r\n\r\n'],
    ['a path in the Host', 'GET / HTTP/1.1\r\nHost: 127.0.0.1/x\r\n\r\n'],
    ['a port that is none', 'GET / HTTP/1.1\r\nHost: 127.0.0.1:99999\r\n\r\n'],
    ['an absolute target', 'GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['a target of its own', 'OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['dot segments', 'GET /x/../oauth/callback HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['encoded dot segments', 'GET /x/%2e%2e/oauth HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['a backslash', 'GET /oauth\\callback HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ])('are refused with %s', async (_, bytes) => {
    const { port, seen } = await start();
    expect(statusOf(await raw(port, bytes))).toBe(400);
    expect(seen).toEqual([]);
    expect(statusOf(await raw(port, get(port)))).toBe(200);
  });

  test('keep a foreign Host, for the controller to refuse', async () => {
    const controller = new OAuthFlowController();
    const { port } = await start({ handle: (request) => controller.handleRequest(request) });
    const login = controller.begin({
      server: 'x',
      redirectUri: `http://127.0.0.1:${port}/oauth/callback`,
      authorizationUrl: 'https://issuer.example/a',
      state: 'the-state',
      issuer: 'https://issuer.example',
      issRequired: false,
    });
    const askedAs = (host: string) =>
      raw(port, `GET ${login.authorizePath} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(statusOf(await askedAs(`evil.example:${port}`))).toBe(421);
    expect(await askedAs(`evil.example:${port}`)).not.toContain('issuer.example');
    expect(statusOf(await askedAs(`localhost:${port}`))).toBe(302);
    login.finish();
  });

  test('may have the headers of a browser with many cookies, not endless ones', async () => {
    const { port, seen } = await start();
    const withCookie = (bytes: number) =>
      raw(port, get(port).replace('\r\n\r\n', `\r\nCookie: ${'x'.repeat(bytes)}\r\n\r\n`));
    expect(statusOf(await withCookie(24_000))).toBe(200);
    expect(statusOf(await withCookie(40_000))).toBe(431);
    expect(statusOf(await raw(port, `GET /${'x'.repeat(40_000)} HTTP/1.1\r\n\r\n`))).toBe(431);
    expect(seen).toHaveLength(1);
  });

  test('lose their bodies', async () => {
    const { port, seen } = await start();
    const post = `POST /a HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 1000000\r\n\r\n`;
    expect(statusOf(await raw(port, `${post}only a part`))).toBe(200);
    expect(seen).toEqual([`POST http://127.0.0.1:${port}/a`]);
  });

  test('fail alone when their page fails', async () => {
    let calls = 0;
    const { port } = await start({
      handle: async () => {
        calls += 1;
        if (calls === 1) throw new Error('a fault with a SECRET');
        return new Response('fine');
      },
    });
    const failed = await raw(port, get(port));
    expect(statusOf(failed)).toBe(500);
    expect(failed).not.toContain('SECRET');
    expect(statusOf(await raw(port, get(port)))).toBe(200);
  });
});

describe('clients', () => {
  test('that are slow hold up nobody, and are cut off', async () => {
    const { port } = await start();
    const slow = await Promise.all([open(port), open(port), open(port)]);
    slow[1].write('GET / HTT');
    slow[2].write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-Slow: `);
    const cut = slow.map((socket) => once(socket.resume(), 'close'));
    expect(statusOf(await raw(port, get(port)))).toBe(200);
    await Promise.all(cut);
  });

  test('that leave early do no harm', async () => {
    const { listener, port, asked, answer } = await startHeld();
    const socket = await open(port);
    socket.write(get(port));
    await asked;
    socket.resetAndDestroy();
    await once(socket, 'close');
    answer(new Response('too late'));
    await listener.close();
  });

  test('that come at once get an answer each', async () => {
    const { port, seen } = await start();
    const paths = Array.from({ length: 60 }, (_, at) => `/p${at}`);
    const texts = paths.map(async (path) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return response.text();
    });
    expect(await Promise.all(texts)).toEqual(
      paths.map((path) => `http://127.0.0.1:${port}${path}`),
    );
    expect(seen).toHaveLength(60);
  });

  test('that send one callback several times end one login', async () => {
    const controller = new OAuthFlowController();
    const { port } = await start({ handle: (request) => controller.handleRequest(request) });
    const redirectUri = `http://127.0.0.1:${port}/oauth/callback`;
    const login = controller.begin({
      ...{ server: 'x', redirectUri, state: 'the-state', issRequired: false },
      authorizationUrl: 'https://issuer.example/a',
      issuer: 'https://issuer.example',
    });
    const answers = ['1', '2', '3', '4'].map((code) =>
      fetch(`${redirectUri}?code=${code}&state=the-state`),
    );
    const code = (await login.response).get('code');
    // The other three are told at once, whichever was first.
    const refused = new Set<Response>();
    await new Promise<void>((resolve) => {
      for (const answer of answers) {
        void answer.then((response) => {
          refused.add(response);
          if (refused.size === 3) resolve();
        });
      }
    });
    expect([...refused].map(({ status }) => status)).toEqual([400, 400, 400]);
    login.finish();
    const pages = await Promise.all(answers);
    const first = pages[Number(code) - 1];
    expect([first?.status, first?.redirected]).toEqual([200, true]);
    expect(await first?.text()).toContain('Logged in to x');
  });
});

describe('the address', () => {
  test('localhost is IPv4 and, where there is one, IPv6, at one port', async () => {
    const { port } = await start({ hostname: 'localhost' });
    const request = `GET / HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;
    expect(statusOf(await raw(port, request))).toBe(200);
    if (ipv6) expect(statusOf(await raw(port, request, '::1'))).toBe(200);
  });

  test('is one of this computer', async () => {
    for (const hostname of ['0.0.0.0', 'example.com', '[::]', '::1', 'localhost.example.com']) {
      await expect(start({ hostname })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }
  });

  test('a port that is taken is an error with the way out, each time', async () => {
    const port = await occupy('127.0.0.1');
    for (const hostname of ['127.0.0.1', 'localhost', '127.0.0.1']) {
      await expect(start({ hostname, port })).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        message: expect.stringContaining(`port ${port} of ${hostname}`),
        hint: expect.stringContaining('`redirect_port`'),
      });
    }
  });

  test.skipIf(!ipv6)(
    'localhost with a foreign program at IPv6 is no address for a code',
    async () => {
      const port = await occupy('::1');
      await expect(start({ hostname: 'localhost', port })).rejects.toMatchObject({
        code: 'PORT_IN_USE',
      });
      // Nothing of the failed attempt stays.
      expect((await start({ hostname: '127.0.0.1', port })).port).toBe(port);
    },
  );
});

describe('close', () => {
  const closedBy = (listener: LoopbackListener) =>
    Promise.race([listener.close().then(() => 'closed'), sleep(20_000).then(() => 'late')]);

  test('frees the port, and may be repeated', async () => {
    const { listener, port } = await start();
    expect(await Promise.all([closedBy(listener), closedBy(listener)])).toEqual([
      'closed',
      'closed',
    ]);
    expect((await start({ port })).port).toBe(port);
  });

  test('finishes what is under way', async () => {
    const { listener, port, asked, answer } = await startHeld();
    const got = raw(port, get(port));
    await asked;
    const closed = listener.close();
    answer(new Response('in the end'));
    await closed;
    expect(await got).toContain('in the end');
  });

  test('waits for no slow client and no page that never comes', async () => {
    const { listener, port, asked } = await startHeld();
    await open(port);
    const hanging = raw(port, get(port));
    await asked;
    expect(await closedBy(listener)).toBe('closed');
    expect(await hanging).toBe('');
  });
});
