/** The backends that stand behind every subject, and the environment that all are started in. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { start } from './belongings.mjs';

const BACKEND = fileURLToPath(new URL('./bare-backend.mjs', import.meta.url));
/** The token that the backend behind a login wants. */
export const TOKEN = 'bench';
/** The tools of a backend that stands alone. */
export const TOOLS = 10;

/** How to start a stdio backend: { command, args }, as in a configuration. */
export function stdioBackend({ name = 'bare', tools = TOOLS, more = [] } = {}) {
  const args = [BACKEND, 'stdio', '--name', name, '--tools', String(tools), ...more];
  return { command: process.execPath, args };
}

/** Servers of a configuration by name: `count` stdio backends with `tools` tools each. */
export function stdioBackends(count, tools) {
  const names = Array.from({ length: count }, (_, i) => `many${i + 1}`);
  return Object.fromEntries(names.map((name) => [name, stdioBackend({ name, tools })]));
}

/** Starts the HTTP backends that all subjects share; gives the URL of each. */
export async function startHttpBackends() {
  const [json, sse, token] = await Promise.all([
    startHttp(),
    startHttp('--sse'),
    startHttp('--token', TOKEN),
  ]);
  return { json, sse, token };
}

async function startHttp(...more) {
  const args = [BACKEND, 'http', '--tools', String(TOOLS), ...more];
  const stdio = ['pipe', 'pipe', 'inherit'];
  const child = start(process.execPath, args, { stdio, env: environment() });
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  return line.trim();
}

/** Nothing of the user's reaches a subject but what processes need to start. */
export function environment(more = {}) {
  const { PATH, TMPDIR, TEMP, SYSTEMROOT } = process.env;
  const all = Object.entries({ PATH, TMPDIR, TEMP, SYSTEMROOT, ...more });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined));
}
