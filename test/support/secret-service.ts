import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { onTestFinished, type TestContext } from 'vitest';
import { createTempFolder, waitFor } from './bin.ts';
import { requireInstalled } from './system.ts';

/** What a test's own Secret Service should be like. */
export interface SecretServiceOptions {
  /** The default keyring is locked. Without a prompt every call then fails as "dismissed". */
  locked?: boolean;
  /** A real prompter on a real screen, before which nobody sits: calls never return. */
  prompt?: 'unanswered';
  /** False: a bus with nothing on it. */
  service?: boolean;
}

/** A session bus with a gnome-keyring of the test's own. It ends with the test. */
export interface SecretService {
  /** What a program needs to find it, and nothing else: HOME, PATH, the bus, the display. */
  env: Record<string, string>;
  lock(): Promise<void>;
  /** The daemon stands still, and its connections stay open. */
  freeze(): void;
  thaw(): void;
  /** Ends the daemon. */
  kill(): Promise<void>;
  /** Starts a daemon again after `kill`, with what the keyring holds. */
  restart(): Promise<void>;
  /** The value of an item of ours as another program sees it; undefined = there is none. */
  lookup(account: string): Promise<string | undefined>;
  /** Stores an item as another program would: ours is replaced unless there are more attributes. */
  store(account: string, value: string | Uint8Array, attributes?: string[]): Promise<void>;
  /** The accounts of all items of ours, sorted. */
  accounts(): Promise<string[]>;
  /** Prompts that could not be shown so far, and so counted as dismissed. */
  dismissals(): number;
  /** Connections to the bus that there are now. */
  connections(): Promise<number>;
}

/** What the tests of the keychain cannot do without. */
const SECRET_SERVICE_PROGRAMS = ['dbus-daemon', 'dbus-send', 'gnome-keyring-daemon', 'secret-tool'];

const PROMPTER = '/usr/share/dbus-1/services/org.gnome.keyring.SystemPrompter.service';
const PASSWORD = 'of the test';
const COLLECTION = '/org/freedesktop/secrets/collection/login';
const ATTRIBUTES = ['service', 'mcp-master', 'username'];

const run = promisify(execFile);

/** Starts one, for a test that is skipped where the programs for it are missing. */
export async function startSecretService(
  context: TestContext,
  { locked = false, prompt, service = true }: SecretServiceOptions = {},
): Promise<SecretService> {
  requireInstalled(context, ...SECRET_SERVICE_PROGRAMS, ...(prompt ? ['Xvfb', PROMPTER] : []));
  const folder = await createTempFolder();
  onTestFinished(() => folder.remove());
  const env = await prepareHome(folder.path);
  if (prompt !== undefined) {
    env['DISPLAY'] = await startScreen();
    await copyFile(PROMPTER, join(folder.path, 'services', basename(PROMPTER)));
  }
  await startBus(folder.path, env);
  const complaints: string[] = [];
  let daemon = service ? await startDaemon(env, complaints) : undefined;
  const controls: SecretService = {
    env,
    lock: async () => {
      const call = ['/org/freedesktop/secrets', 'org.freedesktop.Secret.Service.Lock'];
      await send(env, 'org.freedesktop.secrets', [...call, `array:objpath:${COLLECTION}`]);
    },
    freeze: () => void daemon?.kill('SIGSTOP'),
    thaw: () => void daemon?.kill('SIGCONT'),
    kill: async () => {
      if (daemon !== undefined) await end(daemon);
    },
    restart: async () => {
      daemon = await startDaemon(env, complaints);
    },
    ...itemsOf(env),
    dismissals: () => complaints.join('').match(/couldn't create system prompt/g)?.length ?? 0,
    connections: async () => {
      const names = await send(env, 'org.freedesktop.DBus', [
        '/',
        'org.freedesktop.DBus.ListNames',
      ]);
      return names.match(/":\d/g)?.length ?? 0;
    },
  };
  if (locked) await controls.lock();
  return controls;
}

/** The items of ours, through the program that users have for it. */
function itemsOf(env: Record<string, string>) {
  return {
    async lookup(account: string) {
      const args = ['lookup', ...ATTRIBUTES, account];
      const { stdout, code } = await secretTool(env, args);
      return code === 0 ? stdout : undefined;
    },
    async store(account: string, value: string | Uint8Array, attributes: string[] = []) {
      const label = `--label=${account}`;
      const args = ['store', label, ...ATTRIBUTES, account, ...attributes];
      const { code, stderr } = await secretTool(env, args, value);
      if (code !== 0) throw new Error(`secret-tool store: ${stderr}`);
    },
    async accounts() {
      const { stdout, stderr } = await secretTool(env, [
        ...['search', '--all'],
        ...ATTRIBUTES.slice(0, 2),
      ]);
      const found = `${stdout}\n${stderr}`.matchAll(/^attribute\.username = (.*)$/gm);
      return [...found].map(([, account = '']) => account).sort();
    },
  };
}

async function secretTool(
  env: Record<string, string>,
  args: string[],
  input?: string | Uint8Array,
) {
  const child = spawn('secret-tool', args, { env });
  child.stdin.end(input);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: stdout(), stderr: stderr() };
}

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

async function prepareHome(home: string): Promise<Record<string, string>> {
  const runtime = join(home, 'run');
  // Without a home that exists each call takes 2 s.
  for (const name of ['.cache', '.local/share/keyrings', 'run', 'services']) {
    await mkdir(join(home, name), { recursive: true, mode: 0o700 });
  }
  return {
    HOME: home,
    PATH: process.env['PATH'] ?? '',
    XDG_RUNTIME_DIR: runtime,
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(runtime, 'bus')}`,
  };
}

/** A bus that starts no services but those of the test's own folder. */
async function startBus(home: string, env: Record<string, string>): Promise<void> {
  const file = join(home, 'bus.conf');
  await writeFile(
    file,
    `<busconfig>
  <type>session</type>
  <listen>unix:path=${join(home, 'run', 'bus')}</listen>
  <servicedir>${join(home, 'services')}</servicedir>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
`,
  );
  const args = [`--config-file=${file}`, '--nofork', '--print-address=1'];
  const bus = start(spawn('dbus-daemon', args, { env, stdio: ['ignore', 'pipe', 'ignore'] }));
  await once(bus.stdout as Readable, 'data');
}

async function startDaemon(
  env: Record<string, string>,
  complaints: string[],
): Promise<ChildProcess> {
  const args = ['--unlock', '--foreground', '--components=secrets'];
  const stdio = ['pipe', 'ignore', 'pipe'] as const;
  const daemon = start(spawn('gnome-keyring-daemon', args, { env, stdio: [...stdio] }));
  daemon.stderr?.on('data', (chunk: Buffer) => complaints.push(chunk.toString()));
  daemon.stdin?.end(PASSWORD);
  const asks = ['/', 'org.freedesktop.DBus.NameHasOwner', 'string:org.freedesktop.secrets'];
  await waitFor(async () => (await send(env, 'org.freedesktop.DBus', asks)).includes('true'), {
    what: 'the Secret Service',
  });
  return daemon;
}

async function startScreen(): Promise<string> {
  const args = ['-displayfd', '3', '-nolisten', 'tcp', '-screen', '0', '640x480x8'];
  const screen = start(spawn('Xvfb', args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] }));
  const [number] = (await once(screen.stdio[3] as Readable, 'data')) as [Buffer];
  return `:${number.toString().trim()}`;
}

async function send(env: Record<string, string>, to: string, call: string[]): Promise<string> {
  const args = ['--session', `--dest=${to}`, '--print-reply', ...call];
  return (await run('dbus-send', args, { env })).stdout;
}

/** Sees to it that a process ends with the test. */
function start(child: ChildProcess): ChildProcess {
  onTestFinished(() => end(child));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
