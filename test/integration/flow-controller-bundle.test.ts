import { fileURLToPath } from 'node:url';
import { build } from 'tsdown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoginAttempt } from '../../src/oauth/flow/flow-controller.ts';
import { createTempFolder, type TempFolder } from '../support/bin.ts';
import { type RunningWorker, startWorker } from '../support/workerd.ts';
import { installWorkerd, noWorkerd } from '../support/workerd-program.ts';

const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

const WORKER = path('test/support/programs/flow-worker.mjs');

/** The bundled file, and everything that it still imports. */
interface Bundle {
  file: string;
  imports: string[];
}

/** Bundles a file as for a browser: what is there in Node.js alone stays an import. */
async function bundle(entry: string, outDir: string): Promise<Bundle> {
  const [built] = await build({
    ...{ config: false, clean: false, dts: false, logLevel: 'error', entry, outDir },
    ...{
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      outExtensions: () => ({ js: '.mjs' }),
    },
    deps: { alwaysBundle: [/./] },
  });
  const chunks = (built?.chunks ?? []).flatMap((one) => (one.type === 'chunk' ? [one] : []));
  const imports = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]);
  return { file: chunks[0]?.fileName ?? '', imports };
}

let folder: TempFolder;

beforeAll(async () => {
  folder = await createTempFolder();
});

afterAll(() => folder.remove());

describe('OAuthFlowController', () => {
  it('needs nothing but itself', async () => {
    const { imports } = await bundle(path('src/oauth/flow/flow-controller.ts'), folder.path);
    expect(imports).toEqual([]);
  });

  it('needs nothing but itself either when it comes from the package', async () => {
    expect(await bundle(WORKER, folder.path)).toEqual({ file: 'flow-worker.mjs', imports: [] });
  });

  it('would be found out if it did', async () => {
    const { imports } = await bundle(path('src/oauth/store/login-key.ts'), folder.path);
    expect(imports).toEqual(['node:crypto']);
  });
});

/** It comes from the registry, or from npm's cache of it. */
const INSTALL_MS = 240_000;

if (noWorkerd !== undefined) console.warn(noWorkerd);

describe.skipIf(noWorkerd !== undefined)('in workerd', () => {
  let worker: RunningWorker;

  beforeAll(async () => {
    const { file } = await bundle(WORKER, folder.path);
    const program = await installWorkerd(folder.path);
    worker = await startWorker(folder.path, { program, main: file, durableObject: 'Logins' });
    return () => worker.close();
  }, INSTALL_MS);

  const get = (address: string) =>
    fetch(new URL(address, worker.origin), { redirect: 'manual' }).then(async (response) => ({
      status: response.status,
      location: response.headers.get('location'),
      title: /<title>(.*?) ·/.exec(await response.text())?.[1],
    }));

  /** Begins a login; the address at which it is waited for. */
  async function begin(state: string): Promise<string> {
    const attempt: LoginAttempt = {
      server: 'notes',
      redirectUri: `${worker.origin}/oauth/callback`,
      authorizationUrl: `https://login.example.com/authorize?state=${state}`,
      state,
      issuer: 'https://login.example.com',
      issRequired: false,
    };
    const begun = await fetch(new URL('/begin', worker.origin), {
      method: 'POST',
      body: JSON.stringify(attempt),
    });
    return begun.text();
  }

  it('there is nothing of Node.js', async () => {
    const found = await fetch(new URL('/runtime', worker.origin));
    const nothing = { process: 'undefined', Buffer: 'undefined', module: 'undefined' };
    expect(await found.json()).toEqual(nothing);
  });

  it('a login leads to the provider and back', async () => {
    const authorize = await begin('one');
    expect(await get(authorize)).toMatchObject({
      status: 302,
      location: 'https://login.example.com/authorize?state=one',
    });
    const callback = '/oauth/callback?code=c&state=one';
    const { status, location } = await get(callback);
    expect(status).toBe(303);
    expect(location).toMatch(/^\/oauth\/success\?flow=/);
    expect(await get(location ?? '')).toMatchObject({ status: 200, title: 'Logged in to notes' });
    expect(await get(callback)).toMatchObject({
      status: 400,
      title: 'This link has been used already',
    });
  });

  it('a login that is refused says so', async () => {
    await begin('two');
    const { location } = await get('/oauth/callback?error=access_denied&state=two');
    expect(location).toMatch(/^\/oauth\/error\?flow=/);
    expect(await get(location ?? '')).toMatchObject({
      status: 400,
      title: 'Login to notes failed',
    });
  });

  it.each([
    ['/oauth/authorize?server_id=notes', 404, 'No login is waiting here'],
    ['/oauth/callback?code=c&state=guessed', 400, 'This link belongs to no login'],
    ['/', 404, 'There is nothing here'],
  ])('%s shows a page that helps', async (address, status, title) => {
    await begin('three');
    expect(await get(address)).toMatchObject({ status, title });
  });
});
