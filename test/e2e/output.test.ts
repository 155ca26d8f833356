import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BIN,
  createTempFolder,
  strippedEnv,
  type TempFolder,
  writeConfig,
} from '../support/bin.ts';
import { recordingBackend } from '../support/recording.ts';
import { requireInstalled } from '../support/system.ts';

const COUNT = 600;

let folder: TempFolder;
beforeEach(async () => {
  folder = await createTempFolder();
  const names = Array.from({ length: COUNT }, (_, i) => `server${i}`);
  const entries = names.map((name) => [name, { url: `https://${name}.example/mcp` }]);
  await writeConfig(folder.path, { servers: Object.fromEntries(entries) });
});
afterEach(() => folder.remove());

/** Runs a command line of the shell. */
async function shell(line: string) {
  const env = { ...strippedEnv(folder.path), NODE: process.execPath, BIN };
  const child = spawn('/bin/sh', ['-c', line], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const [code] = (await ended) as [number | null];
  return { code, stdout, stderr };
}

const STATUS = '"$NODE" "$BIN" auth status --json';

describe('the result on stdout', () => {
  it('is whole, however late its reader is', async () => {
    const { code, stdout, stderr } = await shell(`{ ${STATUS}; echo $? >&2; } | { sleep 1; cat; }`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '0\n' });
    expect(stdout.length).toBeGreaterThan(128 * 1024);
    expect(JSON.parse(stdout)).toHaveLength(COUNT);
  });

  it('is whole in a pipe that does not wait', async (context) => {
    requireInstalled(context, 'perl');
    const unwaiting = `perl -e 'use Fcntl; fcntl(STDOUT, F_SETFL, O_NONBLOCK | fcntl(STDOUT, F_GETFL, 0)) or die; exec @ARGV'`;
    // What Node.js gives a child is a socket: here is a pipe, which is full after 64 KiB.
    const { code, stdout, stderr } = await shell(
      `{ ${unwaiting} ${STATUS}; echo $? >&2; } | { sleep 1; cat; }`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '0\n' });
    expect(JSON.parse(stdout)).toHaveLength(COUNT);
  });

  it('keeps nobody from ending the program while nobody reads', async () => {
    const { entry } = await recordingBackend(folder.path, 'alpha', {
      calls: { echo: { result: { content: [{ type: 'text', text: 'x'.repeat(1_000_000) }] } } },
    });
    await writeConfig(folder.path, { servers: { alpha: entry } });
    const env = strippedEnv(folder.path);
    const child = spawn(process.execPath, [BIN, 'call', 'alpha', 'echo'], { env });
    // It has begun to write, and can't go on.
    await once(child.stdout, 'readable');
    await wait(300);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
    child.stdout.destroy();
  });

  it('is no reason to fail when nobody reads it', async () => {
    const { stdout, stderr } = await shell(`{ ${STATUS}; echo $? >&2; } | true`);
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '0\n' });
  });

  it('that can not be written is told', async (context) => {
    requireInstalled(context, '/dev/full');
    const { code, stderr } = await shell(`${STATUS} > /dev/full`);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error the result can't be written to stdout: ENOSPC.*\n {2}Free some space/,
    );
  });

  it('may have no stdout, and the log no stderr', async () => {
    expect(await shell(`${STATUS} >&- ; echo $?`)).toMatchObject({ stdout: '0\n' });
    expect(await shell(`${STATUS} --server=none 2>&- ; echo $?`)).toMatchObject({ stdout: '2\n' });
  });
});
