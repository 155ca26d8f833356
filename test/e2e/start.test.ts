import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BIN,
  createTempFolder,
  strippedEnv,
  type TempFolder,
  waitFor,
  writeConfig,
} from '../support/bin.ts';
import { recordingBackend } from '../support/recording.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

let folder: TempFolder;
let client: RecordingClient | undefined;
beforeEach(async () => {
  folder = await createTempFolder();
});
afterEach(async () => {
  await client?.close();
  await folder.remove();
});

/** Tells on stderr what of the program was loaded when it wrote its first answer. */
const HOOK = `
const { _load, _resolveFilename } = require('node:module');
const loaded = [];
require('node:module')._load = function (name, parent) {
  loaded.push(_resolveFilename(name, parent));
  return _load.apply(this, arguments);
};
const { write } = process.stdout;
process.stdout.write = function () {
  process.stdout.write = write;
  process.stderr.write('LOADED ' + JSON.stringify(loaded) + '\\n');
  return write.apply(process.stdout, arguments);
};
`;

/** The files that are loaded before `initialize` is answered, and modules of Node.js. */
async function loadedBeforeAnswer(): Promise<string[]> {
  const hook = join(folder.path, 'hook.cjs');
  await writeFile(hook, HOOK);
  await writeConfig(folder.path, { servers: { alpha: { command: 'none' } } });
  const env = strippedEnv(folder.path);
  const child = spawn(process.execPath, ['--require', hook, BIN, 'serve'], { env });
  const ended = once(child, 'exit');
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} };
  child.stdin.end(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params })}\n`);
  let loaded: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    if (line.startsWith('LOADED ')) loaded = JSON.parse(line.slice(7)) as string[];
  }
  await ended;
  return loaded;
}

describe('the start of serve', () => {
  it('loads for the answer to initialize what that needs, and no connections or logins', async () => {
    const loaded = await loadedBeforeAnswer();
    const files = loaded.filter((name) => name.startsWith(dirname(dirname(BIN))));
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    const isDefined = (name: string) =>
      texts.some((text) => new RegExp(`\\b${name} = class\\b|\\bclass ${name}\\b`).test(text));
    expect(['ClientSession', 'Catalogue', 'Peer'].filter(isDefined)).toHaveLength(3);
    const later = ['OpenSession', 'BackendPool', 'Backend', 'ServerAuth', 'TokenSource', 'Logins'];
    expect(later.filter(isDefined)).toEqual([]);
    expect(loaded).not.toContain('node:http');
  });

  it('answers what is sent without waiting for the answer to initialize', async () => {
    const { entry } = await recordingBackend(folder.path, 'alpha', {});
    client = await startServe({ servers: { alpha: entry } });
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} };
    const session = client;
    session.send({ jsonrpc: '2.0', id: 'i', method: 'initialize', params });
    session.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    session.send({ jsonrpc: '2.0', id: 'a', method: 'tools/list' });
    session.send({ jsonrpc: '2.0', id: 'p', method: 'ping' });
    session.send({ jsonrpc: '2.0', id: 'b', method: 'prompts/list' });
    const answered = () => session.received.flatMap(({ id }) => id ?? []);
    await waitFor(() => answered().length === 4, { what: 'four answers' });
    expect(answered()[0]).toBe('i');
    expect(answered().toSorted()).toEqual(['a', 'b', 'i', 'p']);
  });
});
