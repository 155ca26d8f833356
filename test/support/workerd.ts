import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** A Worker that runs in workerd, on 127.0.0.1 and a free port. */
export interface RunningWorker {
  origin: string;
  close(): Promise<void>;
}

/** The oldest behaviour that it should need: no flag for Node.js is set. */
const COMPATIBILITY_DATE = '2025-01-01';

/**
 * Runs the module `main` of a folder by the program workerd. Its class `durableObject` is bound under the same name: it
 * alone lives longer than a request.
 */
export async function startWorker(
  folder: string,
  { program, main, durableObject }: { program: string; main: string; durableObject: string },
): Promise<RunningWorker> {
  await writeFile(join(folder, 'config.capnp'), configuration(main, durableObject));
  const command = ['serve', 'config.capnp', '--control-fd=3'];
  const child = spawn(program, command, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'close');
  const close = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  // With these `stdio` settings both are streams that can be read.
  const [stderr, control] = [child.stdio[2], child.stdio[3]] as [ReadableStdio, ReadableStdio];
  const said = text(stderr);
  const listening = once(control, 'data').then(([line]) => portOf(String(line)));
  const failed = exited.then(async ([code]) => {
    throw new Error(`workerd ended with exit code ${code}: ${await said}`);
  });
  // It ends in every case, later on; only before it listens is that a failure.
  failed.catch(() => undefined);
  try {
    return { origin: `http://127.0.0.1:${await Promise.race([listening, failed])}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type ReadableStdio = NodeJS.ReadableStream;

/** The event that is written when a socket listens. */
function portOf(line: string): number {
  return (JSON.parse(line) as { port: number }).port;
}

function configuration(main: string, durableObject: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const main :Workerd.Worker = (
  modules = [(name = "${main}", esModule = embed "${main}")],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  durableObjectNamespaces = [(className = "${durableObject}", uniqueKey = "${durableObject}")],
  durableObjectStorage = (inMemory = void),
  bindings = [(name = "${durableObject}", durableObjectNamespace = "${durableObject}")],
);
`;
}
