import { execFile } from 'node:child_process';
import { createServer as createSecureServer } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'tsdown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTempFolder, type TempFolder } from '../../support/bin.ts';
import { type Certificates, makeCertificates } from '../../support/http/certificates.ts';
import { startProxy } from '../../support/http/connect-proxy.ts';
import { connectTo, request, testClient } from '../../support/http/connection.ts';
import { type Handler, startServer } from '../../support/http/scripted-server.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

let bundle: TempFolder;

beforeAll(async () => {
  bundle = await createTempFolder();
  const entry = join(root, 'src/platform/http-client.ts');
  const options = { format: 'esm', platform: 'node', dts: false, clean: false } as const;
  const outDir = bundle.path;
  await build({ entry: { client: entry }, outDir, ...options, config: false, logLevel: 'silent' });
});

afterAll(() => bundle.remove());

const fine: Handler = (_, response) => response.end('fine');

async function startSecure({ key, cert }: Certificates, handle: Handler) {
  const started = await startServer(handle, createSecureServer({ key, cert }));
  return { ...started, url: new URL(`https://127.0.0.1:${started.port}/mcp`) };
}

const secureServer = async (certificates: Certificates) =>
  (await startSecure(certificates, fine)).url;

/** What a process with this environment gets: a status, or the code of an error. */
async function askInChild(
  url: URL,
  env: Record<string, string>,
  method: 'GET' | 'POST' | 'DELETE' = 'GET',
): Promise<string> {
  const program = join(root, 'test/support/http/child-request.mjs');
  const client = join(bundle.path, 'client.mjs');
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [program, url.href, client, method], { env });
  return stdout.trim();
}

async function failure(url: URL, client = testClient()): Promise<unknown> {
  const { transport } = connectTo(url, { client });
  return transport.send(request(1)).catch((error: unknown) => error);
}

describe('certificates', () => {
  test('of an unknown authority: refused with a hint that helps, as the hint says', async () => {
    const certificates = makeCertificates();
    const url = await secureServer(certificates);
    expect(await failure(url)).toMatchObject({
      code: 'TLS_UNTRUSTED',
      message: expect.stringMatching(
        /^the certificate of https:\/\/127\.0\.0\.1:\d+ is not trusted/,
      ),
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    expect(await askInChild(url, {})).toBe('TLS_UNTRUSTED');
    const trusting = { NODE_EXTRA_CA_CERTS: certificates.authorityFile };
    expect(await askInChild(url, trusting)).toBe('200');
  });

  test('are verified through the tunnel of a proxy', async () => {
    const certificates = makeCertificates();
    const { port } = await secureServer(certificates);
    const proxy = await startProxy();
    const env = { HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: certificates.authorityFile };
    expect(await askInChild(new URL(`https://backend.test:${port}/mcp`), env)).toBe('200');
    expect(await askInChild(new URL(`https://other.test:${port}/mcp`), env)).toBe('TLS_UNTRUSTED');
    expect(proxy.seen).toEqual([`backend.test:${port}`, `other.test:${port}`]);
  });

  test('are verified whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    const url = await secureServer(makeCertificates());
    expect(await askInChild(url, { NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toBe('TLS_UNTRUSTED');
  });

  test('for another host, or expired: refused although the authority is known', async () => {
    const other = makeCertificates('DNS:other.test');
    const trusting = { NODE_EXTRA_CA_CERTS: other.authorityFile };
    expect(await askInChild(await secureServer(other), trusting)).toBe('TLS_UNTRUSTED');
    const old = makeCertificates('IP:127.0.0.1', -1);
    const trustingOld = { NODE_EXTRA_CA_CERTS: old.authorityFile };
    expect(await askInChild(await secureServer(old), trustingOld)).toBe('TLS_UNTRUSTED');
  });

  test('a server without TLS behind an https URL', async () => {
    const plain = await startServer((_, response) => response.end());
    expect(await failure(new URL(`https://127.0.0.1:${plain.port}/mcp`))).toMatchObject({
      code: 'BACKEND_PROTOCOL',
      hint: expect.stringContaining('http://'),
    });
  });
});

describe('a redirect from https to http', () => {
  test.each(['GET', 'POST', 'DELETE'] as const)('is not followed: %s', async (method) => {
    const certificates = makeCertificates();
    const plain = await startServer(fine);
    const statuses = [301, 302, 303, 307, 308];
    const secure = await startSecure(certificates, ({ path }, response) => {
      response.writeHead(Number(path.slice(1)), { location: plain.url.href }).end();
    });
    const env = { NODE_EXTRA_CA_CERTS: certificates.authorityFile };
    const asked = statuses.map((status) =>
      askInChild(new URL(`/${status}`, secure.url), env, method),
    );
    expect(await Promise.all(asked)).toEqual(statuses.map(() => 'BACKEND_PROTOCOL'));
    expect(secure.received).toHaveLength(5);
    for (const { headers } of secure.received) {
      expect(headers).toMatchObject({ authorization: 'Bearer the-token', 'x-api-key': 'the-key' });
    }
    expect(plain.connections()).toBe(0);
  });
});
