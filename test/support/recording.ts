import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/rpc/message.ts';
import { supportProgram } from './bin.ts';

const PROGRAM = supportProgram('recording-backend.mjs');

/** One line of the record of a recording backend; see `recording-backend.mjs`. */
export interface RecordLine {
  dir?: 'in' | 'out';
  event?: string;
  message?: JsonObject;
  headers?: Record<string, string>;
  [key: string]: unknown;
}

/** A recording backend: its entry for the configuration, and what it has seen so far. */
export interface RecordingBackend {
  entry: JsonObject;
  lines(): RecordLine[];
  /** Messages from the proxy, in order. */
  received(): JsonObject[];
  sent(): JsonObject[];
  /** Requests of a method that it received. */
  calls(method: string): JsonObject[];
  stop(): Promise<void>;
}

/** The ways in which a recording backend can be reached. */
export type Mode = 'stdio' | 'http' | 'http-sse-answers' | 'sse';

/** Prepares (stdio) or starts (HTTP) a recording backend with its script and record in `folder`. */
export async function recordingBackend(
  folder: string,
  name: string,
  script: object = {},
  mode: Mode = 'stdio',
  more: string[] = [],
): Promise<RecordingBackend> {
  const record = join(folder, `${name}.record.jsonl`);
  const scriptFile = join(folder, `${name}.script.json`);
  writeFileSync(scriptFile, JSON.stringify(script));
  writeFileSync(record, '');
  const files = ['--script', scriptFile, '--record', record, ...more];
  const views = recordViews(record);
  if (mode === 'stdio') {
    const entry = { command: process.execPath, args: [PROGRAM, 'stdio', ...files] };
    return { ...views, entry, stop: async () => undefined };
  }
  const started = await startRemote(mode, files);
  return { ...views, entry: { url: started.url }, stop: started.stop };
}

async function startRemote(mode: Mode, files: string[]) {
  const args = mode === 'sse' ? ['sse'] : ['http', ...(mode === 'http' ? [] : ['--sse-answers'])];
  const child = spawn(process.execPath, [PROGRAM, ...args, ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return { url: line.toString().trim(), stop };
}

function recordViews(record: string) {
  const lines = () =>
    readFileSync(record, 'utf8')
      .split('\n')
      // What follows the last line break is still being written.
      .slice(0, -1)
      .map((line) => JSON.parse(line) as RecordLine);
  const messages = (dir: 'in' | 'out') =>
    lines().flatMap((line) => (line.dir === dir && line.message ? [line.message] : []));
  const received = () => messages('in');
  return {
    lines,
    received,
    sent: () => messages('out'),
    calls: (method: string) => received().filter((message) => message['method'] === method),
  };
}
