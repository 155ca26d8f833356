import { fstatSync, writeSync } from 'node:fs';
import type { TextOutput } from '../app/context.ts';
import { McpMasterError } from '../errors.ts';
import { errorCode } from './replace-file.ts';

/*
 * The streams of this process are opened when somebody needs them: to open one takes as long as all
 * that a short command has to do.
 */

/** How long a reader who does not read may keep the program from its end, in milliseconds. */
const FLUSH_MS = 500;

/** The reader has gone (Windows: EOF; a terminal: EIO), or there never was one. */
const NOBODY_READS = new Set(['EPIPE', 'EOF', 'EIO', 'EBADF']);
const DISK_IS_FULL = new Set(['ENOSPC', 'EDQUOT']);

/** How long to wait for room in a pipe, in milliseconds, and what to wait at. */
const PAUSE_MS = 10;
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

let stdout: NodeJS.WriteStream | undefined;
let results: TextOutput | undefined;
let stderr: NodeJS.WriteStream | undefined;

/** `process.stdout`. Nobody reads the results any more: that is no reason to fail. */
export function openStdout(): NodeJS.WriteStream {
  stdout ??= process.stdout.on('error', () => undefined);
  return stdout;
}

/** `process.stderr`. Nobody reads the log any more: that is no reason to fail. */
export function openStderr(): NodeJS.WriteStream {
  stderr ??= process.stderr.on('error', () => undefined);
  return stderr;
}

/** Whether a person is at a stream of this process: looked at when somebody wants to know. */
export const terminal = {
  get stdin() {
    return isTerminal(0);
  },
  get stdout() {
    return isTerminal(1);
  },
  get stderr() {
    return isTerminal(2);
  },
};

/** What is no device is no terminal. */
function isTerminal(descriptor: 0 | 1 | 2): boolean {
  try {
    // Windows does not tell consoles by their kind of file.
    const isDevice = process.platform === 'win32' || fstatSync(descriptor).isCharacterDevice();
    return isDevice && process.getBuiltinModule('node:tty').isatty(descriptor);
  } catch {
    // It is closed.
    return false;
  }
}

/** Results on stdout: on a terminal through its stream, which knows of characters and columns. */
export function openResults(): TextOutput {
  results ??= terminal.stdout ? openStdout() : { write: writeResult };
  return results;
}

/** Returns when all of a text is with its reader, or nobody reads. */
function writeResult(text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      const code = errorCode(error);
      if (NOBODY_READS.has(code)) return;
      if (code !== 'EAGAIN') throw resultError(error, code);
      // It is full, and somebody has made it one that does not wait.
      Atomics.wait(PAUSE, 0, 0, PAUSE_MS);
    }
  }
}

function resultError(error: unknown, code: string): McpMasterError {
  const reason = error instanceof Error ? error.message : String(error);
  return new McpMasterError('INTERNAL', `the result can't be written to stdout: ${reason}`, {
    hint: DISK_IS_FULL.has(code)
      ? 'Free some space, then try again; what was done is done.'
      : 'Look at where stdout leads to; what was done is done.',
    cause: error,
  });
}

/** Settles when what was written to the stream of stdout is with its reader, or can't get there. */
export function stdoutFlushed(): Promise<void> {
  const stream = stdout;
  return new Promise((resolve) => {
    if (stream === undefined || stream.destroyed || stream.writableLength === 0) {
      resolve();
      return;
    }
    stream.once('drain', resolve).once('error', () => resolve());
    setTimeout(resolve, FLUSH_MS);
  });
}
