import type { PlatformPath } from 'node:path';
import { readAuth } from './auth.ts';
import type { Endpoint, RemoteEndpoint, StdioEndpoint } from './config.ts';
import { readHeaders } from './headers.ts';
import type { ServerFields } from './schema.ts';
import type { Section } from './section.ts';
import { addressProblem } from './urls.ts';

/** Where relative and `~` paths of an entry start. */
export interface Folders {
  path: PlatformPath;
  /** The folder of the configuration file, absolute. */
  base: string;
  home: string;
}

/** A server's entry, checked value by value. */
export interface EntryInput {
  section: Section;
  fields: ServerFields;
  /** Whether the entry has a key (and, in its block, another), with a right value or a wrong one. */
  has(key: string, inner?: string): boolean;
  folders: Folders;
}

const STDIO_ONLY = ['args', 'env', 'cwd'];
const REMOTE_ONLY = ['headers', 'sse_read_timeout', 'config'];

/** Where the server is reached; undefined when the entry does not say so, which is then reported. */
export function readEndpoint(input: EntryInput): Endpoint | undefined {
  const { section, fields, has } = input;
  const { transport } = fields;
  if (has('command') && has('url')) {
    section.error(['url'], 'an entry has either a command or a url, this one has both', {
      hint: 'Take one of them out.',
    });
  } else if (has('command')) return readStdio(input);
  else if (has('url') || (transport === 'local' && has('config'))) return readRemote(input);
  else reportNowhere(section, transport, has);
  return undefined;
}

function reportNowhere(
  section: Section,
  transport: ServerFields['transport'],
  has: (key: string) => boolean,
): void {
  if (transport === 'local' || has('config')) {
    section.error(transport === 'local' ? ['transport'] : ['config'], 'expected a url, or a port', {
      hint: 'Write type: local and config: { port: 4100 }.',
    });
  } else {
    section.error([], 'expected a command or a url', {
      hint: 'Write url: https://… for a remote server, command: … for a program.',
    });
  }
}

function readStdio({ section, fields, has, folders }: EntryInput): StdioEndpoint | undefined {
  const { transport = 'stdio', command, args = [], env = {}, cwd } = fields;
  if (!['stdio', 'auto', 'local'].includes(transport)) {
    section.error(['transport'], `${transport} is for a url, but the entry has a command`, {
      hint: 'Write stdio, or leave it out.',
    });
  }
  warnIdle(
    section,
    REMOTE_ONLY.filter((key) => has(key)),
    'a command',
  );
  for (const key of ['auth_config', 'api_key'].filter((key) => has(key))) {
    section.error([key], 'a program gets no requests that could carry it', {
      hint: 'Give the program its credentials in env.',
    });
  }
  const strategy = fields.auth_strategy ?? 'bypass_auth';
  if (strategy !== 'bypass_auth') {
    section.error(['auth_strategy'], `${strategy} needs a url, but the entry has a command`, {
      hint: 'Give the program its credentials in env.',
    });
  }
  checkProcess(section, args, env);
  if (command === undefined) return undefined;
  if (command.includes('\0')) section.error(['command'], 'a command has no NUL in it');
  if (startsItself(command, args)) {
    section.error(['command'], 'this is mcp-master itself, which would start itself without end', {
      hint: 'Take the entry out: mcp-master is what the client starts, not one of the servers.',
    });
  }
  return {
    kind: 'stdio',
    command: fromHome(command, folders),
    args,
    env,
    cwd: cwd === undefined ? undefined : folders.path.resolve(folders.base, fromHome(cwd, folders)),
  };
}

/** The operating system takes a NUL for the end of a text, and a `=` for the end of a name. */
function checkProcess(
  section: Section,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(env)) {
    if (name === '' || /[=\0]/.test(name)) {
      section.error(['env', name], 'expected the name of a variable, without "="');
    } else if (value.includes('\0')) section.error(['env', name], 'a variable has no NUL in it');
  }
  if (args.some((arg) => arg.includes('\0')))
    section.error(['args'], 'an argument has no NUL in it');
}

function startsItself(command: string, args: readonly string[]): boolean {
  const isOurs = [command, ...args].some((part) =>
    /(^|[/\\@])mcp-master(\.js|@[\w.]+)?$/.test(part),
  );
  return isOurs && args.includes('serve');
}

function fromHome(text: string, { path, home }: Folders): string {
  return /^~(?=$|[/\\])/.test(text) ? path.join(home, text.slice(1)) : text;
}

function readRemote(input: EntryInput): RemoteEndpoint | undefined {
  const { section, fields, has } = input;
  const { transport = 'auto' } = fields;
  if (transport === 'stdio') {
    section.error(['transport'], 'stdio is for a command, but the entry has a url', {
      hint: 'Write http, sse or auto, or leave it out.',
    });
  }
  warnIdle(
    section,
    STDIO_ONLY.filter((key) => has(key)),
    'a url',
  );
  const url = has('url') ? checkedUrl(section, fields.url) : localUrl(input);
  const headers = readHeaders(section, fields.headers);
  const auth = readAuth({ section, fields, headers, url: url ?? '', has });
  if (url === undefined) return undefined;
  const kind = transport === 'http' || transport === 'sse' ? transport : 'auto';
  return { kind, url, headers, auth, sseReadTimeout: fields.sse_read_timeout ?? 300 };
}

function warnIdle(section: Section, keys: string[], given: string): void {
  for (const key of keys) section.warn([key], `has no effect for an entry with ${given}`);
}

function checkedUrl(section: Section, url: string | undefined): string | undefined {
  if (url === undefined || section.isUnresolved(['url'])) return url;
  const problem = addressProblem(url);
  if (problem === undefined) return url;
  section.error(['url'], problem, { hint: urlHint(problem) });
  return undefined;
}

function urlHint(problem: string): string | undefined {
  if (!problem.includes('user name')) return undefined;
  return 'Write the credential as a header: headers: { Authorization: env:NAME }.';
}

function localUrl({ section, fields, has }: EntryInput): string | undefined {
  const { port, path = '/mcp' } = fields.config ?? {};
  if (!path.startsWith('/') || /[\s#]/.test(path)) {
    section.error(['config', 'path'], 'expected a path that starts with /');
  }
  if (port !== undefined) return `http://127.0.0.1:${port}${path}`;
  // Only an entry that is switched off may lack a variable; it is listed, never reached.
  if (section.isUnresolved(['config'])) return `http://127.0.0.1${path}`;
  if (fields.config && !has('config', 'port'))
    section.error(['config'], 'expected "port", a whole number from 1 to 65535');
  return undefined;
}
