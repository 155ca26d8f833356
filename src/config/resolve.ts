import {
  isCredentialName,
  looksLikeSecret,
  placeOf,
  queryCredentials,
  secretForms,
} from './credentials.ts';
import {
  expand,
  hasReference,
  isVerbatim,
  type Lookup,
  type VariableUse,
  wholeReference,
} from './interpolate.ts';
import type { Section } from './section.ts';
import { isObject, type Path, type Raw } from './source.ts';

/** The master's own token, which only the strategies that are meant for it send. */
const MASTER_TOKEN = 'MCP_MASTER_TOKEN';

/** Where a variable's value reaches a server. */
const PRIVATE_BLOCKS = ['headers', 'env', 'url', 'api_key', 'auth_config'];

/** What filling in references needs and what it gathers. */
export interface ResolveContext {
  lookup: Lookup;
  /** Every credential that was met, for the log's redactor. */
  secrets: Set<string>;
  /** Called for each credential that stands in the file itself. */
  onLiteral(): void;
  /** A switched-off entry is not started: its unset variables are no errors. */
  tolerant: boolean;
}

/**
 * The value at `path` of a section with each reference filled in. What can't be filled in stays as it
 * was written, is reported, and is marked as unresolved.
 */
export function resolve(section: Section, path: Path, value: Raw, context: ResolveContext): Raw {
  // Names are identities: a variable must not change them.
  if (path.length === 1 && path[0] === 'id') return value;
  if (path[0] === 'auth_config' && path[1] === 'token_source') {
    noteTokenSource(section, path, value, context);
    return value;
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => resolve(section, path.concat(index), item, context));
  }
  if (isObject(value)) {
    return Object.fromEntries(
      Object.keys(value).map((key) => [
        key,
        resolve(section, path.concat(key), value[key] ?? null, context),
      ]),
    );
  }
  if (typeof value === 'string') return resolveText(section, path, value, context);
  if (typeof value === 'number') noteCredential(section, path, String(value), false, context);
  return value;
}

/** The source stays a source: it may be unset. A token in its place is refused, and still a secret. */
function noteTokenSource(section: Section, path: Path, value: Raw, context: ResolveContext): void {
  if (typeof value !== 'string') return;
  const { lookup, secrets, onLiteral } = context;
  const source = wholeReference(value);
  if (source?.kind === 'env') refuseMasterToken(section, path, source.name);
  if (source?.kind === 'keyring') section.secretRefs.push({ path, name: source.name });
  const secret = source?.kind === 'env' ? lookup(source.name) : undefined;
  if (secret) secrets.add(secret);
  if (source || value === '') return;
  secrets.add(value);
  onLiteral();
}

function resolveText(section: Section, path: Path, text: string, context: ResolveContext): string {
  if (isVerbatim(text)) {
    checkText(section, path, text, false, context);
    return text;
  }
  const expansion = expand(text, context.lookup);
  for (const reference of expansion.malformed) reportMalformed(section, path, reference);
  for (const use of expansion.variables) {
    refuseMasterToken(section, path, use.name);
    checkVariable(section, path, use, context);
  }
  if (expansion.secret !== undefined) noteStored(section, path, expansion.secret);
  else if (!section.isUnresolved(path)) {
    checkText(section, path, expansion.value, hasReference(text), context);
  }
  return expansion.value;
}

function checkText(
  section: Section,
  path: Path,
  value: string,
  referenced: boolean,
  context: ResolveContext,
): void {
  checkEmpty(section, path, value);
  noteCredential(section, path, value, referenced, context);
}

/** It would reach whatever the value is for: a header, a program, another token's place. */
function refuseMasterToken(section: Section, path: Path, name: string): void {
  // On Windows the names of variables have no case.
  if (name.toUpperCase() !== MASTER_TOKEN) return;
  section.error(path, `the master's token, ${MASTER_TOKEN}, can not be handed on by name`, {
    hint: 'Write auth_strategy: master_oauth at the server that it is for, and take this out.',
  });
}

function reportMalformed(section: Section, path: Path, reference: string): void {
  section.setUnresolved(path);
  if (reference.startsWith('${input:')) {
    section.error(path, `${reference} is asked for by VS Code alone, expected a variable`, {
      hint: `Write "\${NAME}" and set the variable NAME, or "keyring:NAME" after "mcp-master secret set NAME".`,
    });
  } else if (reference.endsWith(':…')) {
    section.error(path, `expected a name after "${reference.slice(0, -1)}"`, {
      hint: 'Write env:NAME for a variable, keyring:NAME for a stored secret.',
    });
  } else {
    section.error(path, `a "\${" that starts no variable, expected \${NAME} or \${NAME:-default}`, {
      hint: `Write "$\${" where the text itself has "\${".`,
    });
  }
}

function checkVariable(
  section: Section,
  path: Path,
  use: VariableUse,
  context: ResolveContext,
): void {
  if (use.state === 'set' && isPrivate(path, use)) context.secrets.add(use.value);
  if (use.state === 'unset') {
    section.setUnresolved(path);
    if (context.tolerant) return;
    section.error(path, `the variable ${use.name} is not set`, {
      code: 'VARIABLE_UNSET',
      hint: `Set ${use.name} in the environment of mcp-master or in the .env file beside the configuration.`,
    });
  } else if (use.state === 'empty' && placeOf(path).credential && !context.tolerant) {
    section.setUnresolved(path);
    section.error(path, `the variable ${use.name} is set, but empty, and a credential needs it`, {
      code: 'VARIABLE_UNSET',
      hint: `Give ${use.name} a value.`,
    });
  }
}

/** What stands in a variable although it could stand in the file is most likely not for everybody. */
function isPrivate([block]: Path, { name, value }: { name: string; value: string }): boolean {
  const carries = PRIVATE_BLOCKS.includes(String(block)) && looksLikeSecret(value);
  return carries || isCredentialName(name);
}

function noteStored(section: Section, path: Path, name: string): void {
  section.setUnresolved(path);
  if (placeOf(path).storable) section.secretRefs.push({ path, name });
  else {
    section.error(path, 'a stored secret can not be used here', {
      hint: 'keyring:NAME works in headers, env, api_key.key, client_id, client_secret and private_key.',
    });
  }
}

/** An empty variable for a program is a setting; an empty header or client secret is a mistake. */
function checkEmpty(section: Section, path: Path, value: string): void {
  if (value.trim() !== '' || path[0] === 'env' || !placeOf(path).credential) return;
  section.setUnresolved(path);
  section.error(path, 'a credential can not be empty', {
    hint: 'Write its value as env:NAME or keyring:NAME, or take the key out.',
  });
}

function noteCredential(
  section: Section,
  path: Path,
  value: string,
  referenced: boolean,
  context: ResolveContext,
): void {
  const credential = placeOf(path).credential && looksLikeSecret(value);
  const found = credential ? secretForms(path.at(-1), value) : [];
  // A header's name says little of what it carries; masking one too many does no harm.
  if (path[0] === 'headers' && looksLikeSecret(value)) context.secrets.add(value);
  if (path[0] === 'url') found.push(...queryCredentials(value).map(([, secret]) => secret));
  for (const secret of found) context.secrets.add(secret);
  if (found.length === 0 || referenced) return;
  context.onLiteral();
  section.warn(path, 'a secret stands in the file itself', {
    hint: 'Store it with `mcp-master secret set NAME` and write keyring:NAME, or use env:NAME.',
  });
}
