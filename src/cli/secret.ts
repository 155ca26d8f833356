import { buffer } from 'node:stream/consumers';
import type { Context } from '../app/context.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { isoTime } from '../app/times.ts';
import { openWorkspace, type Workspace } from '../app/workspace.ts';
import { McpMasterError } from '../errors.ts';
import type { SecretEntry } from '../oauth/store/user-secrets.ts';
import { EXIT } from './exit-codes.ts';
import { askHidden } from './hidden-prompt.ts';
import { createPaint } from './render.ts';
import { renderTable } from './text.ts';

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** `mcp-master secret set NAME`: stores what stands on stdin, or what is typed unseen. */
export async function secretSet(
  context: Context,
  name: string,
  flags: GlobalFlags,
): Promise<number> {
  checkName(name);
  return withWorkspace(context, flags, async ({ credentials }) => {
    const value = await readValue(context, name);
    await credentials.secrets.set(name, value);
    const entry = credentials.secrets.list().filter((known) => known.name === name);
    context.stdout.write(
      flags.json === true ? asJson(entry) : `Stored. Write keyring:${name} in the configuration.\n`,
    );
    return EXIT.done;
  });
}

/** `mcp-master secret list`: the names of what is stored, never a value. */
export async function secretList(context: Context, flags: GlobalFlags): Promise<number> {
  return withWorkspace(context, flags, async ({ credentials }) => {
    const entries = credentials.secrets.list();
    context.stdout.write(flags.json === true ? asJson(entries) : render(entries, context));
    return EXIT.done;
  });
}

/** `mcp-master secret delete NAME`. */
export async function secretDelete(
  context: Context,
  name: string,
  flags: GlobalFlags,
): Promise<number> {
  checkName(name);
  return withWorkspace(context, flags, async ({ credentials }) => {
    const entry = credentials.secrets.list().filter((known) => known.name === name);
    if (!(await credentials.secrets.delete(name))) throw unknownSecret(name);
    context.stdout.write(flags.json === true ? asJson(entry) : `Deleted ${name}.\n`);
    return EXIT.done;
  });
}

async function withWorkspace(
  context: Context,
  flags: GlobalFlags,
  body: (workspace: Workspace) => Promise<number>,
): Promise<number> {
  const workspace = await openWorkspace(context, flags, 'warn');
  try {
    return await body(workspace);
  } finally {
    await workspace.close();
  }
}

async function readValue({ stdin, stderr, terminal }: Context, name: string): Promise<string> {
  const value = terminal.stdin
    ? await askHidden(`Value of ${name}: `, stdin, stderr)
    : decode(await buffer(stdin), name).replace(/\r?\n$/, '');
  if (value !== '') return value;
  throw new McpMasterError('CONFIG_INVALID', `no value for the secret "${name}"`, {
    hint: `Hand it in on stdin: printf %s "$VALUE" | mcp-master secret set ${name}`,
  });
}

function decode(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const message = `the value of the secret "${name}" is not UTF-8 text, and would be changed`;
    throw new McpMasterError('CONFIG_INVALID', message, {
      hint: 'Encode it as its server wants it, for example with base64, before it is stored.',
    });
  }
}

function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new McpMasterError('CONFIG_INVALID', `"${name}" can't be the name of a secret`, {
    hint: 'Use up to 64 letters, digits, ".", "_" and "-", beginning with a letter or digit.',
  });
}

function unknownSecret(name: string): McpMasterError {
  return new McpMasterError('SECRET_MISSING', `there is no secret "${name}"`, {
    hint: 'mcp-master secret list shows those that there are.',
  });
}

function asJson(entries: SecretEntry[]): string {
  const shown = entries.map(({ name, changedAt }) => ({ name, changed_at: isoTime(changedAt) }));
  return `${JSON.stringify(shown, null, 2)}\n`;
}

function render(entries: SecretEntry[], context: Context): string {
  if (entries.length === 0) return 'No secret is stored.\n';
  const paint = createPaint(context.terminal.stdout, context.env);
  const rows = entries.map(({ name, store, changedAt }) => [
    { text: name },
    { text: store },
    { text: isoTime(changedAt) ?? '-' },
  ]);
  return renderTable(['SECRET', 'STORE', 'CHANGED'], rows, paint);
}
