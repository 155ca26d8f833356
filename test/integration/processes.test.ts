import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { ChildProcess } from '../../src/backend/child-process.ts';
import { createProcesses } from '../../src/platform/processes.ts';
import { processAlive, waitFor } from '../support/bin.ts';

const { spawn, killAll } = createProcesses(process.platform);
afterEach(killAll);

/** A real child that runs a line of JavaScript. */
function run(script: string, env: Record<string, string> = {}): Promise<ChildProcess> {
  return spawn({ command: process.execPath, args: ['-e', script], env, cwd: undefined });
}

async function firstLine(stream: Readable): Promise<string> {
  const [chunk] = (await once(stream, 'data')) as [Buffer];
  return chunk.toString().trim();
}

/** Stays for as long as it is not killed, and says its pid once it would survive a SIGTERM. */
const STUBBORN = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log(process.pid);`;

describe('createProcesses', () => {
  it('gives a child the environment that it is told to, and nothing of its own', async () => {
    const child = await run('console.log(JSON.stringify(process.env))', { ONLY: 'this' });
    expect(JSON.parse(await firstLine(child.stdout))).toEqual({ ONLY: 'this' });
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  it('tells how a child ended, after all of its output', async () => {
    const child = await run('process.stdout.write("x".repeat(300_000)); process.exitCode = 3;');
    let read = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      read += chunk.length;
    });
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect(read).toBe(300_000);
  });

  it.each([
    ['a command that does not exist', join(tmpdir(), 'no-such-command'), undefined, 'not found'],
    [
      'a folder that does not exist',
      process.execPath,
      join(tmpdir(), 'no-such-folder'),
      'no-such-folder',
    ],
    ['a file that can not be executed', tmpdir(), undefined, 'not executable'],
  ])('refuses %s', async (_, command, cwd, part) => {
    await expect(spawn({ command, args: [], env: {}, cwd })).rejects.toMatchObject({
      code: 'COMMAND_NOT_FOUND',
      message: expect.stringContaining(part),
      hint: expect.stringContaining('command'),
    });
  });

  it('lets a child leave by itself when its stdin closes', async () => {
    const child = await run(
      'process.stdin.on("end", () => process.exit(7)).resume(); console.log(1)',
    );
    await firstLine(child.stdout);
    await child.endTree();
    expect(await child.exited).toEqual({ code: 7, signal: null });
  });

  it('ends a child that ignores the end of its stdin and SIGTERM', async () => {
    const child = await run(STUBBORN);
    expect(await firstLine(child.stdout)).toBe(String(child.pid));
    await child.endTree();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('ends descendants, also those that outlive their parent', async () => {
    const child = await run(`
      const { spawn } = require('node:child_process');
      const grandchild = spawn(process.execPath, ['-e', ${JSON.stringify(STUBBORN)}], { stdio: ['ignore', 'pipe', 'ignore'] });
      grandchild.stdout.once('data', (pid) => { process.stdout.write(pid); process.stdin.once('data', () => process.exit(0)); });
    `);
    const grandchild = Number(await firstLine(child.stdout));
    child.stdin.write('go\n');
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(processAlive(grandchild)).toBe(true);
    await child.endTree();
    await waitFor(() => !processAlive(grandchild));
  });

  it('does not wait for output that a descendant holds open', async () => {
    const child = await run(`
      require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'inherit' });
      process.exit(0);
    `);
    expect(await child.exited).toEqual({ code: 0, signal: null });
    await child.endTree();
  });

  it('kills what is left at the end', async () => {
    const child = await run(STUBBORN);
    await firstLine(child.stdout);
    killAll();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });
});
