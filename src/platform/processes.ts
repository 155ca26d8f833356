import { type ChildProcess as NodeChild, spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildProcess, ExitStatus, Spawn, SpawnOptions } from '../backend/child-process.ts';
import { McpMasterError } from '../errors.ts';

/** Milliseconds for a server to leave by itself after its stdin was closed. */
const LEAVE_MS = 1000;
/** Milliseconds between SIGTERM and SIGKILL. */
const TERM_MS = 500;
/** Milliseconds to wait for output after the exit: a descendant may hold the pipes open. */
const DRAIN_MS = 300;
const POLL_MS = 20;

/** The children of this process. */
export interface Processes {
  spawn: Spawn;
  /** Forces all that are left to end, at once: for the last moment of this process. */
  killAll(): void;
}

/**
 * Each child gets a process group of its own, so that it can be ended with its descendants. On
 * Windows, where groups don't exist, `cross-spawn` finds `.cmd` files and `taskkill` ends the tree.
 */
export function createProcesses(platform: NodeJS.Platform): Processes {
  const running = new Set<ProcessTree>();
  const spawn: Spawn = async (options) => {
    const child = await launch(options, platform);
    try {
      await once(child, 'spawn');
    } catch (error) {
      throw notStarted(options, error);
    }
    return adopt(child, platform, running);
  };
  return {
    spawn,
    killAll: () => {
      for (const tree of running) void tree.end(true);
    },
  };
}

async function launch(options: SpawnOptions, platform: NodeJS.Platform): Promise<NodeChild> {
  const { command, args, env, cwd } = options;
  const settings = { env, cwd, stdio: 'pipe' as const, windowsHide: true };
  try {
    if (platform !== 'win32') return nodeSpawn(command, args, { ...settings, detached: true });
    const { default: crossSpawn } = await import('cross-spawn');
    return crossSpawn(command, args, settings);
  } catch (error) {
    throw notStarted(options, error);
  }
}

function notStarted({ command, cwd }: SpawnOptions, error: unknown): McpMasterError {
  const code = (error as NodeJS.ErrnoException).code;
  const where = cwd === undefined ? '' : ` in ${cwd}`;
  const reason =
    code === 'ENOENT'
      ? 'not found'
      : code === 'EACCES'
        ? 'not executable'
        : `failed to start (${code ?? String(error)})`;
  return new McpMasterError('COMMAND_NOT_FOUND', `command "${command}"${where}: ${reason}`, {
    hint: command.includes(' ')
      ? 'Put the program alone into "command", and what follows it into "args".'
      : 'Check "command" and "cwd" in its entry; an absolute path works from every client.',
    cause: error,
  });
}

function adopt(
  child: NodeChild,
  platform: NodeJS.Platform,
  running: Set<ProcessTree>,
): ChildProcess {
  // With `stdio: 'pipe'` all three exist, and after `spawn` so does the pid.
  const { stdin, stdout, stderr, pid } = child as NodeChild & {
    stdin: Writable;
    stdout: Readable;
    stderr: Readable;
    pid: number;
  };
  const left = new Promise<ExitStatus>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const exited = left.then(async (status) => {
    await drained([stdout, stderr]);
    return status;
  });
  // Signalling a child or writing to it after it is gone: the exit, which is told, says more.
  for (const emitter of [child, stdin]) emitter.on('error', () => undefined);
  const tree = platform === 'win32' ? windowsTree(pid) : processGroup(pid);
  running.add(tree);
  const end = async () => {
    await endTree(stdin, left, tree);
    running.delete(tree);
  };
  return { pid, stdin, stdout, stderr, exited, endTree: end };
}

async function drained(streams: Readable[]): Promise<void> {
  const ended = streams.map(
    (stream) => stream.readableEnded || stream.destroyed || once(stream, 'close'),
  );
  await Promise.race([Promise.allSettled(ended), sleep(DRAIN_MS, undefined, { ref: false })]);
  for (const stream of streams) stream.destroy();
}

/** A set of processes that is ended together. */
interface ProcessTree {
  alive(): boolean;
  /** Asks, or forces, all of them to end. */
  end(force: boolean): Promise<void>;
}

async function endTree(stdin: Writable, left: Promise<unknown>, tree: ProcessTree): Promise<void> {
  stdin.end();
  await Promise.race([left, sleep(LEAVE_MS)]);
  for (const force of [false, true]) {
    if (!tree.alive()) return;
    await tree.end(force);
    await gone(tree);
  }
}

async function gone(tree: ProcessTree): Promise<void> {
  for (let waited = 0; waited < TERM_MS && tree.alive(); waited += POLL_MS) await sleep(POLL_MS);
}

function processGroup(leader: number): ProcessTree {
  const signal = (name: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-leader, name);
    } catch (error) {
      // EPERM: what is left of the group belongs to somebody else, or is a zombie (macOS).
      if (['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  };
  return {
    alive: () => signal(0),
    end: async (force) => {
      signal(force ? 'SIGKILL' : 'SIGTERM');
    },
  };
}

function windowsTree(root: number): ProcessTree {
  return {
    alive: () => {
      try {
        return process.kill(root, 0);
      } catch {
        return false;
      }
    },
    end: async (force) => {
      const args = ['/PID', String(root), '/T', ...(force ? ['/F'] : [])];
      const killer = nodeSpawn('taskkill', args, { stdio: 'ignore', windowsHide: true });
      await once(killer, 'exit');
    },
  };
}
