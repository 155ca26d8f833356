import type { ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { makeCertificates } from '../../support/http/certificates.ts';
import { freePort, startServer } from '../../support/http/scripted-server.ts';
import {
  failure,
  found,
  OAUTH,
  type Page,
  RESOURCE,
  resource,
  startGood,
} from './discovery-support.ts';

const redirect = (location?: string) => (response: ServerResponse) =>
  void response.writeHead(302, location === undefined ? {} : { location }).end('moved');

const FAULTS: [string, Page, string][] = [
  ['500', 500, 'answered 500'],
  ['429', 429, 'answered 429'],
  ['a redirect to nowhere', redirect(), 'answered 302'],
  ['HTML', (response) => void response.end('<!doctype html><p>a'), 'HTML instead of JSON'],
  ['half of some JSON', (response) => void response.end('{"resource":'), 'invalid JSON'],
  ['nothing', (response) => void response.end(), 'invalid JSON'],
  ['a list', [], 'JSON that is no object'],
  ['JSON without what is needed', { resource: 5, issuer: 5 }, 'has no `'],
  ['too much', { a: 'x'.repeat(1024 * 1024) }, 'more than 1 MiB'],
  [
    'too much, compressed',
    (response) =>
      void response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(gzipSync(' '.repeat(2 * 1024 * 1024))),
    'more than 1 MiB',
  ],
  ['a cut connection', (response) => void response.socket?.destroy(), 'could not be read'],
  [
    'a cut body',
    (response) => {
      response.writeHead(200).write('{');
      setImmediate(() => response.socket?.destroy());
    },
    'could not be read',
  ],
  ['a redirect to something', redirect('http://'), 'redirects to something that is no URL'],
];

describe('metadata that is broken', () => {
  test.each(FAULTS)('by %s is passed over where another place is good', async (_, page) => {
    const site = await startGood((origin) => ({
      [`${RESOURCE}/mcp`]: page,
      [RESOURCE]: resource(origin),
    }));
    const { authorizationServer, tried } = await found(site.url);
    expect(authorizationServer.metadata.issuer).toBe(site.origin);
    expect(tried).toMatchObject([{ error: { code: 'DISCOVERY_FAILED' } }]);
  });

  test.each(FAULTS)('by %s is told, not taken for absent', async (_, page, why) => {
    const unread = await startGood(() => ({ [`${RESOURCE}/mcp`]: page }));
    const unfit = await startGood(() => ({ [OAUTH]: page }));
    for (const [site, path] of [
      [unread, `${RESOURCE}/mcp`],
      [unfit, OAUTH],
    ] as const) {
      const error = await failure(site.url);
      expect(error).toMatchObject({ code: 'DISCOVERY_FAILED', hint: expect.any(String) });
      expect(error.message).toContain(`${site.origin}${path} ${why.startsWith('has') ? why : ''}`);
      expect(error.message).toContain(why);
      expect(error.message).toContain('answered 404');
    }
  });

  test('by silence is given up after its time', async () => {
    const site = await startGood(() => ({
      [`${RESOURCE}/mcp`]: () => undefined,
      [RESOURCE]: (response) => void response.writeHead(200).write('{'),
    }));
    const error = await failure(site.url, { deps: { timeoutMs: 50 } });
    expect(error).toMatchObject({
      code: 'DISCOVERY_FAILED',
      hint: expect.stringContaining('`issuer`'),
    });
    expect(error.message).toContain(`${RESOURCE}/mcp did not answer within 0.05 s`);
    expect(error.message).toContain(`${RESOURCE} did not answer within 0.05 s`);
  });

  test('by a server that is not there keeps the reason and its hint', async () => {
    const url = new URL(`http://127.0.0.1:${await freePort()}/mcp`);
    const error = await failure(url);
    expect(error).toMatchObject({
      code: 'DISCOVERY_FAILED',
      hint: expect.stringContaining('running'),
    });
    expect(error.message).toContain('connection refused');
  });

  test('by a certificate that is not trusted is TLS_UNTRUSTED', async () => {
    const { key, cert } = makeCertificates();
    const { port } = await startServer(() => undefined, createSecureServer({ key, cert }));
    const error = await failure(new URL(`https://127.0.0.1:${port}/mcp`));
    expect(error).toMatchObject({
      code: 'TLS_UNTRUSTED',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
  });
});

describe('redirects', () => {
  test('are followed five times, by GET, with each one logged', async () => {
    const hop = (left: number): Record<string, Page> =>
      left === 0
        ? {}
        : { [`/hop${left}?key=secret`]: redirect(`hop${left - 1}?key=secret#f`), ...hop(left - 1) };
    const site = await startGood((origin) => ({
      [`${RESOURCE}/mcp`]: redirect('/hop4?key=secret'),
      ...hop(4),
      '/hop0?key=secret': resource(origin),
    }));
    const { log } = await found(site.url);
    expect(log[1]).toBe(`debug GET ${site.origin}/hop4: 302`);
    expect(log.join()).not.toContain('secret');
    expect(new Set(site.received.map(({ method }) => method))).toStrictEqual(new Set(['GET']));
  });

  test('without end are broken metadata', async () => {
    const site = await startGood(() => ({ [`${RESOURCE}/mcp`]: redirect(`${RESOURCE}/mcp`) }));
    const error = await failure(site.url);
    expect(error).toMatchObject({ code: 'DISCOVERY_FAILED' });
    expect(error.message).toContain('redirects more than 5 times');
    expect(site.received).toHaveLength(7);
  });

  test.each(['http://a.example/', 'file:///etc/passwd'])('to %s are refused', async (location) => {
    const site = await startGood(() => ({ [`${RESOURCE}/mcp`]: redirect(location) }));
    const error = await failure(site.url);
    expect(error).toMatchObject({ code: 'INSECURE_URL', hint: expect.stringContaining('https') });
    expect(error.message).toContain(`the redirect of ${site.origin}${RESOURCE}/mcp`);
  });
});
