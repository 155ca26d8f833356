import type { Readable, Writable } from 'node:stream';

/** How a child process is started. */
export interface SpawnOptions {
  command: string;
  args: string[];
  /** The whole environment of the child: nothing is inherited. */
  env: Record<string, string>;
  /** Absolute; undefined = that of this process. */
  cwd: string | undefined;
}

/** How a child process ended. */
export interface ExitStatus {
  code: number | null;
  signal: string | null;
}

/** A running child process with its descendants. */
export interface ChildProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the process has exited and its output has been read, or is held open by others. */
  readonly exited: Promise<ExitStatus>;
  /**
   * Ends the whole process tree: closes stdin, then asks (SIGTERM), then forces (SIGKILL). Settles
   * when nothing is left, within two seconds.
   */
  endTree(): Promise<void>;
}

/** The door to processes. Rejects with `COMMAND_NOT_FOUND` when the command can't be started. */
export type Spawn = (options: SpawnOptions) => Promise<ChildProcess>;
