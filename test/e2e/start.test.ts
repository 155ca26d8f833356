import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BIN,
  createTempFolder,
  strippedEnv,
  type TempFolder,
  waitFor,
  writeConfig,
} from '../support/bin.ts';
import { type Loaded, loadHook, readLoaded } from '../support/load-hook.ts';
import { recordingBackend } from '../support/recording.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

const PARAMS = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} };

let folder: TempFolder;
let client: RecordingClient | undefined;
beforeEach(async () => {
  folder = await createTempFolder();
});
afterEach(async () => {
  await client?.close();
  await folder.remove();
});

/** What is loaded before `initialize` is answered. */
async function loadedBeforeAnswer(): Promise<Loaded> {
  await writeConfig(folder.path, { servers: { alpha: { command: 'none' } } });
  const env = strippedEnv(folder.path, loadHook(folder.path, true));
  const child = spawn(process.execPath, [BIN, 'serve'], { env });
  const ended = once(child, 'exit');
  child.stdin.end(
    `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: PARAMS })}\n`,
  );
  await ended;
  return readLoaded(folder.path, true);
}

describe('the start of serve', () => {
  it('loads for the answer to initialize what that needs, and no connections or logins', async () => {
    const { loaded, has } = await loadedBeforeAnswer();
    const isDefined = (name: string) =>
      has(new RegExp(`\\b${name} = class\\b|\\bclass ${name}\\b`));
    expect(['ClientSession', 'Catalogue', 'Peer'].filter(isDefined)).toHaveLength(3);
    const later = ['OpenSession', 'BackendPool', 'Backend', 'ServerAuth', 'TokenSource', 'Logins'];
    expect(later.filter(isDefined)).toEqual([]);
    expect(loaded).not.toContain('node:http');
  });

  it('answers what is sent without waiting for the answer to initialize', async () => {
    const { entry } = await recordingBackend(folder.path, 'alpha', {});
    client = await startServe({ servers: { alpha: entry } });
    const session = client;
    session.send({ jsonrpc: '2.0', id: 'i', method: 'initialize', params: PARAMS });
    session.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    session.send({ jsonrpc: '2.0', id: 'a', method: 'tools/list' });
    session.send({ jsonrpc: '2.0', id: 'p', method: 'ping' });
    session.send({ jsonrpc: '2.0', id: 'b', method: 'prompts/list' });
    const answered = () => session.received.flatMap(({ id }) => id ?? []);
    await waitFor(() => answered().length === 4, { what: 'four answers' });
    expect(answered()[0]).toBe('i');
    expect(answered().toSorted()).toEqual(['a', 'b', 'i', 'p']);
  });

  it('waits with a call for a server that has not had its turn to start, and has got a new tool', async () => {
    const home = join(folder.path, 'home');
    await mkdir(home);
    const many = Array.from({ length: 12 }, (_, i) => `s${i}`);
    const made = await Promise.all(many.map((name) => recordingBackend(folder.path, name, {})));
    const last = await recordingBackend(folder.path, 'last', {});
    const entries = made.map(({ entry }, i) => [many[i], entry]);
    const servers = { ...Object.fromEntries(entries), last: last.entry };
    const before = await startServe({ servers }, { home });
    await before.initialize();
    expect(await before.listTools()).toHaveLength(13);
    await before.close();
    const fresh = { name: 'fresh', inputSchema: { type: 'object' } };
    await recordingBackend(folder.path, 'last', { tools: [fresh] });
    client = await startServe({ servers }, { home });
    await client.initialize();
    const answer = await client.request('tools/call', { name: 'last__fresh', arguments: {} });
    expect(answer).toMatchObject({ result: { content: expect.any(Array) } });
  });

  it('fails one request that came early for a fault of ours, and answers the others', async () => {
    const { entry } = await recordingBackend(folder.path, 'alpha', {});
    client = await startServe({ servers: { alpha: entry } });
    const session = client;
    const depth = 20_000;
    const deep = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    session.send({ jsonrpc: '2.0', id: 'i', method: 'initialize', params: PARAMS });
    session.sendRaw(
      `{"jsonrpc":"2.0","id":"c","method":"completion/complete","params":{"ref":${deep}}}\n`,
    );
    session.send({ jsonrpc: '2.0', id: 'a', method: 'tools/list' });
    const answer = await session.waitForMessage(({ id }) => id === 'c', 'an answer');
    expect(answer).toMatchObject({ error: { code: -32_603 } });
    const list = await session.waitForMessage(({ id }) => id === 'a', 'the list');
    expect(list).toMatchObject({ result: { tools: expect.any(Array) } });
    expect(await session.request('ping')).toMatchObject({ result: {} });
  });

  it('answers with the configuration of the moment at which the client speaks', async () => {
    const alpha = await recordingBackend(folder.path, 'alpha', {});
    const beta = await recordingBackend(folder.path, 'beta', {});
    const home = join(folder.path, 'home');
    await mkdir(home);
    const session = await startServe({ servers: { alpha: alpha.entry } }, { home });
    client = session;
    // So long that it has read its configuration.
    await wait(1000);
    await writeConfig(home, { servers: { beta: beta.entry, wrong: { url: 5 } } });
    await waitFor(() => session.stderr.includes('is in use'), { what: 'the change' });
    const answer = await session.initialize();
    expect(answer['instructions']).toContain('wrong');
    const names = (await session.listTools()).map((tool) => String(tool['name']));
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !name.startsWith('beta__'))).toEqual([]);
    expect(alpha.lines()).toEqual([]);
  });

  it('asks nobody to log in for a call that was withdrawn before it could be looked at', async () => {
    const issuer = 'http://127.0.0.1:9';
    const endpoints = { authorization_endpoint: `${issuer}/a`, token_endpoint: `${issuer}/t` };
    const auth_config = { client_id: 'x', issuer, ...endpoints };
    const url = `${issuer}/mcp`;
    const server = { url, auth_strategy: 'delegate_oauth', auth_config };
    client = await startServe(
      { serve: { login_wait: 2 }, servers: { remote: server } },
      { env: { OAUTH_ENCRYPTION_KEY: 'ab'.repeat(32) } },
    );
    const session = client;
    const params = { ...PARAMS, capabilities: { elicitation: { url: {} } } };
    const call = { name: 'mcp-master__login', arguments: { server: 'remote' } };
    session.send({ jsonrpc: '2.0', id: 'i', method: 'initialize', params });
    session.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    session.send({ jsonrpc: '2.0', id: 'l', method: 'tools/call', params: call });
    const cancelled = { requestId: 'l' };
    session.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: cancelled });
    await session.request('tools/list');
    await wait(500);
    expect(session.received.map(({ method, id }) => method ?? id)).not.toContain('l');
    expect(session.received.flatMap(({ method }) => method ?? [])).toEqual([]);
  });

  it('ends with 2 and says why for a wrong MCP_MASTER_BROWSER, and what else is wrong', async () => {
    const config = { servers: { alpha: { command: 'none' }, wrong: { url: 5 } } };
    const file = await writeConfig(folder.path, config);
    const env = strippedEnv(folder.path, { MCP_MASTER_BROWSER: 'maybe' });
    const child = spawn(process.execPath, [BIN, 'serve', '--config', file], { env });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(2);
    expect(stderr).toContain('MCP_MASTER_BROWSER is "maybe"');
    expect(stderr).toContain('Use on_call or never.');
    expect(stderr).toContain('servers.wrong.url');
  });
});
