import { posix } from 'node:path';
import { McpMasterError } from '../errors.ts';
import type { OAuthSettings, Problem, RemoteEndpoint } from './config.ts';
import type { Lookup } from './interpolate.ts';
import { normalise } from './normalise.ts';
import { Findings } from './problems.ts';
import type { Raw, RawObject } from './source.ts';

/** The name and the address of an entry that is only read for its strategy. */
const ENTRY = 'registered';
const PLACE = 'https://server.invalid/mcp';

/** The strategies, and the block of an entry that holds their settings. */
const BLOCK_OF: Readonly<Record<string, string | undefined>> = {
  api_key: 'api_key',
  headers: 'headers',
  bypass_auth: undefined,
  delegate_oauth: 'auth_config',
  master_oauth: 'auth_config',
  proxy_oauth: 'auth_config',
};

/** A strategy as a program names it, with its settings as a file would have them. */
export interface StrategyInput {
  /** Of what it is for, for messages. */
  name: string;
  strategy: string;
  settings: Readonly<Record<string, unknown>>;
}

/** A strategy that was read, and the credentials in it, for the log's redactor. */
export interface ReadStrategy extends Pick<RemoteEndpoint, 'auth' | 'headers'> {
  secrets: string[];
  /** What is doubtful: keys that nobody knows, and the like. */
  warnings: string[];
}

/**
 * The strategy of a server, checked by the rules of a file. Throws `CONFIG_INVALID` with all that is wrong.
 * Stored secrets (`keyring:NAME`) can't be used here.
 */
export function readStrategy(
  { name, strategy, settings }: StrategyInput,
  lookup: Lookup,
): ReadStrategy {
  if (!Object.hasOwn(BLOCK_OF, strategy)) {
    throw new McpMasterError('CONFIG_INVALID', `"${name}": there is no strategy "${strategy}"`, {
      hint: `Use one of ${Object.keys(BLOCK_OF).join(', ')}, or bring one of your own.`,
    });
  }
  const block = BLOCK_OF[strategy];
  const raw: RawObject = { url: PLACE, auth_strategy: strategy };
  if (block !== undefined && Object.keys(settings).length > 0) raw[block] = asRaw(settings);
  const findings = new Findings({ root: raw, line: () => undefined });
  const entry = { name: ENTRY, path: [], raw, listed: false };
  const context = { lookup, secrets: new Set<string>(), onLiteral: () => undefined };
  const server = normalise(entry, findings, { folders: NOWHERE, resolve: context });
  const endpoint = server?.endpoint;
  if (server === undefined || endpoint === undefined || endpoint.kind === 'stdio') {
    throw strategyError(name, findings.problems);
  }
  const [stored] = server.secretRefs;
  if (stored !== undefined) {
    const message = `the strategy of "${name}": ${stored.path} can not be a stored secret here`;
    throw new McpMasterError('CONFIG_INVALID', message, {
      hint: 'Hand the value over, or write the strategy into the configuration file.',
    });
  }
  const warnings = findings.problems
    .filter(({ level }) => level === 'warning')
    .filter(({ message }) => !message.includes(IN_THE_FILE))
    .map(({ message }) => `the strategy of "${name}": ${message}`);
  const { auth, headers } = endpoint;
  return { auth, headers, secrets: [...context.secrets], warnings };
}

/** What is said of credentials in a file: a program may hand them over. */
const IN_THE_FILE = 'stands in the file itself';

/**
 * The settings of the master's login, in the spelling of a file or in ours. Throws as {@link readStrategy}.
 */
export function readMasterSettings(
  settings: Readonly<Record<string, unknown>>,
  lookup: Lookup,
): { oauth: OAuthSettings; secrets: string[]; warnings: string[] } {
  const input = { name: 'master login', strategy: 'delegate_oauth', settings };
  const { auth, secrets, warnings } = readStrategy(input, lookup);
  return { oauth: auth.strategy === 'delegate_oauth' ? auth.oauth : {}, secrets, warnings };
}

/** No path is made of an address. */
const NOWHERE = { path: posix, base: '/', home: '/' };

function strategyError(name: string, problems: readonly Problem[]): McpMasterError {
  const errors = problems.filter(({ level }) => level === 'error');
  const what = errors.map(({ message }) => message).join('; ');
  const hint = errors.find((problem) => problem.hint !== undefined)?.hint;
  return new McpMasterError('CONFIG_INVALID', `the strategy of "${name}": ${what}`, { hint });
}

/** What a program hands over is checked like what a file holds. */
function asRaw(settings: Readonly<Record<string, unknown>>): Raw {
  return JSON.parse(JSON.stringify(settings));
}
