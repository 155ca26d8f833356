import { createServer as createSecureServer } from 'node:https';
import type { LookupFunction } from 'node:net';
import { describe, expect, test } from 'vitest';
import { proxyFor } from '../../../src/platform/proxy-env.ts';
import { makeCertificates } from '../../support/http/certificates.ts';
import { startProxy } from '../../support/http/connect-proxy.ts';
import { connectTo, request, testClient, until } from '../../support/http/connection.ts';
import { freePort, json, result, startServer } from '../../support/http/scripted-server.ts';

/** `backend.test` and its like are 127.0.0.1: without a proxy, only so. */
const lookup: LookupFunction = (_host, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

function send(url: string, env: NodeJS.ProcessEnv, connectTimeoutMs?: number) {
  const connection = connectTo(new URL(url), {
    client: testClient({ env, lookup, connectTimeoutMs }),
  });
  const outcome = connection.transport.send(request(1)).catch((error: unknown) => error);
  return { ...connection, outcome };
}

const answering = () => startServer(({ message }, response) => json(response, result(message.id)));

describe('http through a proxy', () => {
  test('the proxy gets the whole URL and its credentials, the server gets neither', async () => {
    const server = await answering();
    const proxy = await startProxy({ password: 'p@ss' });
    const env = { HTTP_PROXY: proxy.url.replace('//', '//user:p%40ss@') };
    const { outcome, messages } = send(`http://backend.test:${server.port}/mcp?a=b`, env);
    expect(await outcome).toBeUndefined();
    expect(messages).toEqual([result(1)]);
    expect(proxy.seen).toEqual([`http://backend.test:${server.port}/mcp?a=b`]);
    const [received] = server.received;
    expect(received?.headers).toMatchObject({
      host: `backend.test:${server.port}`,
      authorization: 'Bearer the-token',
    });
  });

  test('lower case wins, NO_PROXY and loopback go directly', async () => {
    const server = await answering();
    const proxy = await startProxy();
    const env = { HTTP_PROXY: 'http://127.0.0.1:1', http_proxy: proxy.url };
    const url = `http://backend.test:${server.port}/mcp`;
    expect(await send(url, env).outcome).toBeUndefined();
    expect(proxy.seen).toHaveLength(1);
    expect(await send(url, { ...env, NO_PROXY: 'other,.test' }).outcome).toBeUndefined();
    expect(await send(server.url.href, env).outcome).toBeUndefined();
    expect(proxy.seen).toHaveLength(1);
    expect(server.received).toHaveLength(3);
  });

  test('407, and a proxy that is not there, are said to be the proxy', async () => {
    const proxy = await startProxy({ password: 'right' });
    const env = { HTTP_PROXY: proxy.url.replace('//', '//user:wrong-one@') };
    const error = await send('http://backend.test/mcp', env).outcome;
    expect(error).toMatchObject({
      code: 'BACKEND_EXITED',
      message: `the proxy ${proxy.url} demands authentication (407)`,
      hint: expect.stringContaining('http://user:password@host:port'),
    });
    expect(String(error)).not.toContain('wrong-one');
    const port = await freePort();
    const missing = { HTTP_PROXY: `127.0.0.1:${port}` };
    expect(await send('http://backend.test/mcp', missing).outcome).toMatchObject({
      code: 'BACKEND_EXITED',
      message: `the proxy http://127.0.0.1:${port} does not answer: connection refused`,
      hint: expect.stringContaining('NO_PROXY'),
    });
  });
});

describe('https through a proxy', () => {
  test('tunnels, sends no credentials of the server to it, and verifies the server itself', async () => {
    const server = await startServer(
      () => {},
      createSecureServer(makeCertificates('DNS:other.test')),
    );
    const proxy = await startProxy();
    const { outcome } = send(`https://backend.test:${server.port}/mcp`, { HTTPS_PROXY: proxy.url });
    expect(await outcome).toMatchObject({
      code: 'TLS_UNTRUSTED',
      message: expect.stringContaining(`https://backend.test:${server.port}`),
    });
    expect(proxy.seen).toEqual([`backend.test:${server.port}`]);
    expect(proxy.credentials).toEqual([undefined]);
    expect(server.received).toEqual([]);
  });

  test.each([
    [407, 'demands authentication (407)', 'user:password'],
    [403, 'answered 403 instead of connecting to backend.test:443', 'NO_PROXY'],
  ])('a proxy that answers %i', async (status, message, hint) => {
    const proxy = await startProxy({ status });
    const { outcome } = send('https://backend.test/mcp', { HTTPS_PROXY: proxy.url });
    expect(await outcome).toMatchObject({
      code: 'BACKEND_EXITED',
      message: `the proxy ${proxy.url} ${message}`,
      hint: expect.stringContaining(hint),
    });
  });

  test('a proxy that is not there, or never answers', async () => {
    const port = await freePort();
    const missing = { https_proxy: `http://127.0.0.1:${port}` };
    expect(await send('https://backend.test/mcp', missing).outcome).toMatchObject({
      code: 'BACKEND_EXITED',
      message: `the proxy http://127.0.0.1:${port} does not answer: connection refused`,
    });
    const proxy = await startProxy({ silent: true });
    const { outcome } = send('https://backend.test/mcp', { HTTPS_PROXY: proxy.url }, 50);
    expect(await outcome).toMatchObject({
      code: 'BACKEND_TIMEOUT',
      message: `could not connect to the proxy ${proxy.url} in time`,
    });
    await until(() => proxy.open() === 0);
  });

  test('a value that names no HTTP proxy', async () => {
    const error = await send('https://backend.test/mcp', { HTTPS_PROXY: 'socks5://u:pw@h:1' })
      .outcome;
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'HTTPS_PROXY does not name an HTTP proxy',
    });
  });
});

describe('proxyFor', () => {
  const uses = (url: string, NO_PROXY: string) =>
    proxyFor(new URL(url), { HTTPS_PROXY: 'proxy:3128', NO_PROXY }) !== undefined;

  test.each([
    ['https://a.example.com/', 'example.com', false],
    ['https://example.com/', '.example.com', false],
    ['https://a.example.com/', '*.example.com', false],
    ['https://notexample.com/', 'example.com', true],
    ['https://a.example.com:8443/', 'example.com:8443', false],
    ['https://a.example.com/', 'example.com:8443', true],
    ['https://a.example.com/', 'EXAMPLE.com:443', false],
    ['https://a.example.com/', 'x, *', false],
    ['https://10.1.2.3/', '10.0.0.0/8', false],
    ['https://11.1.2.3/', '10.0.0.0/8', true],
    ['https://[fd00::1]/', 'fd00::/8', false],
    ['https://[fd00::1]:1/', '[fd00::1]:1', false],
    ['https://[fd00::2]/', 'fd00::1 10.0.0.0/99', true],
    ['https://a.example.com/', '', true],
    ['https://localhost/', '', false],
    ['https://127.0.0.9/', '', false],
    ['https://[::1]/', '', false],
  ])('%s with NO_PROXY "%s": %s', (url, list, expected) => {
    expect(uses(url, list)).toBe(expected);
  });

  test('HTTPS_PROXY is not for http, and userinfo stays out of the label', () => {
    const env = { HTTPS_PROXY: 'http://user:secret@proxy:3128' };
    expect(proxyFor(new URL('http://example.com'), env)).toBeUndefined();
    expect(proxyFor(new URL('https://example.com'), env)?.label).toBe(
      'the proxy http://proxy:3128',
    );
  });
});
