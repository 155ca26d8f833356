import type { ServerConfig } from './config.ts';
import { type EntryInput, type Folders, readEndpoint } from './endpoint.ts';
import { fingerprint } from './fingerprint.ts';
import { BLOCKS, ENTRY_KEYS, isKnown, type KeySet, OAUTH_KEYS } from './keys.ts';
import { parseLenient } from './lenient.ts';
import { nameProblem } from './names.ts';
import type { Findings } from './problems.ts';
import { type ResolveContext, resolve } from './resolve.ts';
import { type ServerFields, serverSchema } from './schema.ts';
import { blockOf } from './schema-blocks.ts';
import { secretTargets } from './secret-targets.ts';
import { Section } from './section.ts';
import type { RawEntry } from './shapes.ts';
import { isObject, kindOf, own, type RawObject } from './source.ts';

/** What reading an entry needs from outside of it. */
export interface NormaliseContext {
  folders: Folders;
  resolve: Omit<ResolveContext, 'tolerant'>;
}

/**
 * One entry, in any of the accepted shapes, as the one internal form. Undefined when it can't be
 * used; `findings` then says why.
 */
export function normalise(
  entry: RawEntry,
  findings: Findings,
  context: NormaliseContext,
): ServerConfig | undefined {
  const section = new Section(findings, entry.path);
  const { raw } = entry;
  if (!isObject(raw)) {
    section.error([], `expected a server's entry with a url or a command, got ${kindOf(raw)}`, {
      hint: 'Check the indentation: its keys go below its name.',
    });
    return undefined;
  }
  const written = normalKeys(section, raw);
  checkName(section, entry, written);
  const enabled = readEnabled(section, written, context);
  const values = resolve(section, [], written, { ...context.resolve, tolerant: !enabled });
  if (!isObject(values)) return undefined;
  const fields = parseLenient(section, [], serverSchema, values, written);
  if (!fields) return undefined;
  const has: EntryInput['has'] = (key, inner) => {
    const value = own(written, key);
    return inner === undefined
      ? value !== undefined
      : isObject(value) && own(value, inner) !== undefined;
  };
  const endpoint = readEndpoint({ section, fields, has, folders: context.folders });
  const common = readCommon(section, entry.name, fields, has);
  if (section.failed || !endpoint) return undefined;
  let digest: string | undefined;
  return {
    name: entry.name,
    enabled,
    endpoint,
    ...common,
    get fingerprint() {
      // Only who connects, or remembers, wants to know it.
      digest ??= fingerprint(raw);
      return digest;
    },
    secretRefs: secretTargets(section, endpoint),
  };
}

/** `disabled` is read, and taken out, before all else. */
const SPELT_KEYS: KeySet = { ...ENTRY_KEYS, known: [...ENTRY_KEYS.known, 'disabled'] };

function normalKeys(section: Section, raw: RawObject): RawObject {
  const entry = section.rename([], raw, SPELT_KEYS, (key) => misplaced(section, raw, key));
  for (const [key, value] of Object.entries(entry)) {
    const keys = own(BLOCKS, key);
    if (keys && isObject(value)) entry[key] = section.rename([key], value, keys);
  }
  return entry;
}

/** What other clients call their filters of tools. */
const FOREIGN_FILTERS = {
  disabledTools: 'deny',
  excludeTools: 'deny',
  includeTools: 'allow',
  enabledTools: 'allow',
};

/** Settings that lost their indentation would be ignored, and the server reached without them. */
function misplaced(section: Section, raw: RawObject, key: string): boolean {
  const filter = own(FOREIGN_FILTERS, key);
  if (filter !== undefined) {
    // Without effect it would show tools that somebody has turned off.
    section.error([key], 'is how another program filters tools', {
      hint: `Write tools: { ${filter}: […] } in the entry.`,
    });
    return true;
  }
  const block = isKnown(key, OAUTH_KEYS) ? 'auth_config' : 'config';
  if (block === 'config' && (key !== 'port' || Object.hasOwn(raw, 'url'))) return false;
  section.error([key], `belongs inside "${block}"`, {
    hint: `Indent it below ${block}: { ${key}: … }`,
  });
  return true;
}

function checkName(section: Section, { name, listed }: RawEntry, written: RawObject): void {
  const id = written['id'];
  if (listed && id === undefined) {
    section.error([], 'expected "id" (or "name"), the name of the server');
  } else if (!listed && id !== undefined && id !== name) {
    section.warn(['id'], `the key "${name}" is the name, this one has no effect`);
  }
  if (listed && (typeof id !== 'string' || id === '')) return;
  const problem = nameProblem(name);
  if (problem) section.error(listed ? ['id'] : [], problem.message, { hint: problem.hint });
}

/** Read, and taken out, before all else: a switched-off entry may lack its variables. */
function readEnabled(section: Section, written: RawObject, context: NormaliseContext): boolean {
  const disabled = readSwitch(section, 'disabled', written, context);
  const enabled = readSwitch(section, 'enabled', written, context);
  if (disabled !== undefined && disabled === enabled) {
    section.error(['disabled'], 'contradicts "enabled"', { hint: 'Keep one of them.' });
  }
  return enabled ?? !(disabled ?? false);
}

const { enabled } = serverSchema.entries;
const SWITCHES = blockOf({ enabled, disabled: enabled });

function readSwitch(
  section: Section,
  key: keyof typeof SWITCHES.entries,
  written: RawObject,
  context: NormaliseContext,
): boolean | undefined {
  const value = own(written, key);
  if (value === undefined) return undefined;
  delete written[key];
  const given = resolve(section, [key], value, { ...context.resolve, tolerant: false });
  return parseLenient(section, [], SWITCHES, { [key]: given }, { [key]: value })?.[key];
}

function readCommon(section: Section, name: string, fields: ServerFields, has: EntryInput['has']) {
  const { tools = {}, rate_limit: limit } = fields;
  if (limit && !has('rate_limit', 'requests')) {
    section.error(['rate_limit'], 'expected "requests", how many are allowed');
  }
  return {
    prefix: fields.prefix ?? name,
    timeout: fields.timeout ?? 60,
    startupTimeout: fields.startup_timeout ?? 30,
    tools: { allow: tools.allow, deny: tools.deny ?? [], describe: tools.describe ?? {} },
    rateLimit: limit && { requests: limit.requests ?? 1, per: limit.per ?? 60 },
    pin: fields.pin ?? 'warn',
  } as const;
}
