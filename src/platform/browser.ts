import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Environment } from '../config/config.ts';
import { McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { OpenBrowser } from '../oauth/doors.ts';

/** What opening a browser takes from the world. */
export interface BrowserOptions {
  /** Of the process: the browser gets it, but for our own secrets. */
  env: Environment;
  platform: NodeJS.Platform;
  log: Logger;
}

/** Ours alone: no browser, and none of the programs that it starts, needs them. */
const SECRETS = new Set(['OAUTH_ENCRYPTION_KEY', 'OAUTH_ENCRYPTION_KEY_FILE', 'MCP_MASTER_TOKEN']);

/** How long the program that opens the browser is watched: it may become the browser itself. */
const WATCH_MS = 1000;

/**
 * Runs the package `open` and reports how the program that it starts ended: its exit code, or
 * `running` after a while.
 */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
(async () => {
  const { default: open } = await import(workerData.open);
  const ended = open(workerData.url).then(
    (child) => child.exitCode ?? new Promise((resolve) => child.once('exit', resolve)),
  );
  const running = new Promise((resolve) => setTimeout(resolve, workerData.watchMs, 'running'));
  return Promise.race([ended, running]);
})().then(
  (ended) => parentPort.postMessage({ ended }),
  (error) => parentPort.postMessage({ error: String(error) }),
);
`;

/**
 * Opens URLs with the package `open`, which asks the system for the browser (`xdg-open`, `open`,
 * PowerShell) without a shell. Resolves with false where {@link canOpenBrowser} is false, and where
 * the system's way failed. Rejects with `INSECURE_URL` for other schemes than http and https.
 */
export function createOpenBrowser({ env, platform, log }: BrowserOptions): OpenBrowser {
  return async (text) => {
    const url = webUrl(text);
    if (!canOpenBrowser(env, platform)) return false;
    const failure = await openWith(env, url);
    if (failure !== undefined) log.warn(`no browser could be opened: ${failure}`);
    return failure === undefined;
  };
}

/**
 * Whether opening a browser makes sense: the person sits at this computer, and it has a screen.
 * `HEADLESS=true` (or `1`) says no. On Linux `BROWSER` says yes, since remote editors set it to what
 * opens the browser at the person's side; else there must be a display, over SSH a forwarded one.
 */
export function canOpenBrowser(env: Environment, platform: NodeJS.Platform): boolean {
  const set = (name: string) => (env[name] ?? '') !== '';
  if (/^(true|1|yes|on)$/i.test(env['HEADLESS'] ?? '')) return false;
  const remote = set('SSH_CONNECTION') || set('SSH_TTY');
  if (platform === 'darwin' || platform === 'win32') return !remote;
  if (set('BROWSER')) return true;
  // `host:10.0` is forwarded; `:0` is the screen of this computer, before which nobody sits.
  if (remote) return /^[^:/]+:\d/.test(env['DISPLAY'] ?? '');
  const windows = set('WSL_DISTRO_NAME') || set('WSL_INTEROP');
  return windows || set('DISPLAY') || set('WAYLAND_DISPLAY');
}

function webUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  const shown = url === undefined ? 'something that is no URL' : `a ${url.protocol} address`;
  throw new McpMasterError('INSECURE_URL', `the browser would have opened ${shown}`, {
    hint: 'Check `authorization_endpoint`: only http and https addresses are opened.',
  });
}

/** What the worker says; `ended` is null when a signal ended the program. */
interface Report {
  ended?: number | 'running' | null;
  error?: string;
}

/**
 * Resolves with why no browser was opened, if so. In a worker, since `open` hands the environment on
 * that it sees, and a worker can have another one than the process.
 */
function openWith(env: Environment, url: URL): Promise<string | undefined> {
  const open = pathToFileURL(createRequire(import.meta.url).resolve('open')).href;
  const worker = new Worker(WORKER, {
    eval: true,
    env: withoutSecrets(env),
    workerData: { open, url: url.href, watchMs: WATCH_MS },
  });
  return new Promise((resolve) => {
    worker.once('message', (message: Report) => {
      resolve(failureOf(message));
      void worker.terminate();
    });
    worker.once('error', (error) => resolve(error.message));
    worker.unref();
  });
}

function failureOf({ ended, error }: Report): string | undefined {
  if (error !== undefined) return error;
  return ended === 0 || ended === 'running' ? undefined : `the system's way ended with ${ended}`;
}

function withoutSecrets(env: Environment): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !SECRETS.has(name.toUpperCase())),
  );
}
