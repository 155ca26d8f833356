import type { Config } from './config.ts';
import { DEFAULT_SERVE } from './defaults.ts';
import { type KeySet, OAUTH_KEYS } from './keys.ts';
import { parseLenient } from './lenient.ts';
import { namesAuthorizationServer } from './master.ts';
import { readOAuth } from './oauth-settings.ts';
import type { Findings } from './problems.ts';
import { type ResolveContext, resolve } from './resolve.ts';
import { oauthSchema, serveSchema, tokensSchema } from './schema.ts';
import type { Block, Output } from './schema-blocks.ts';
import { masterSecretTargets } from './secret-targets.ts';
import { Section } from './section.ts';
import { isObject, kindOf, own, type RawObject } from './source.ts';

/** The parts of a {@link Config} that the blocks at the root say. */
export type RootBlocks = Pick<Config, 'serve' | 'tokens' | 'masterOauth' | 'secretRefs'>;

/**
 * Reads `serve`, `tokens` and `master_oauth`. A wrong value is reported and its default taken; wrong
 * OAuth settings are not used at all.
 */
export function readRootBlocks(
  blocks: RawObject,
  findings: Findings,
  context: ResolveContext,
): RootBlocks {
  const given = readBlock(findings, blocks, 'serve', serveSchema, context);
  const tokens = readBlock(findings, blocks, 'tokens', tokensSchema, context);
  const {
    browser = DEFAULT_SERVE.browser,
    login_wait: loginWait = DEFAULT_SERVE.loginWait,
    builtin_tools: builtinTools = DEFAULT_SERVE.builtinTools,
    first_list_wait: firstListWait = DEFAULT_SERVE.firstListWait,
    name_limit: nameLimit = DEFAULT_SERVE.nameLimit,
    log_level: logLevel = DEFAULT_SERVE.logLevel,
  } = given ?? {};
  return {
    serve: { browser, loginWait, builtinTools, firstListWait, nameLimit, logLevel },
    tokens: { store: tokens?.store },
    ...readMaster(blocks, findings, context),
  };
}

function readBlock<B extends Block>(
  findings: Findings,
  blocks: RawObject,
  key: string,
  schema: B,
  context: ResolveContext,
): Output<B> | undefined {
  const section = sectionOf(findings, [], key);
  const keys: KeySet = { known: Object.keys(schema.entries), aliases: {} };
  const written = renamed(section, blocks, key, keys, []);
  const values = written && resolve(section, [], written, context);
  return written && isObject(values)
    ? parseLenient(section, [], schema, values, written)
    : undefined;
}

/** A section whose values, at `path` of its normal form, stand below a key of the root. */
function sectionOf(findings: Findings, path: string[], key: string): Section {
  const section = new Section(findings, []);
  section.setPlace(path, [key]);
  return section;
}

function renamed(
  section: Section,
  blocks: RawObject,
  key: string,
  keys: KeySet,
  path: string[],
): RawObject | undefined {
  const raw = own(blocks, key);
  if (raw === undefined) return undefined;
  if (isObject(raw)) return section.rename(path, raw, keys);
  section.error(path, `expected a mapping, got ${kindOf(raw)}`);
  return undefined;
}

/** Its paths are those of a server's `auth_config`, so that the same rules hold for the same keys. */
function readMaster(
  blocks: RawObject,
  findings: Findings,
  context: ResolveContext,
): Pick<Config, 'masterOauth' | 'secretRefs'> {
  const none = { masterOauth: undefined, secretRefs: [] };
  const before = findings.problems.length;
  const path = ['auth_config'];
  const section = sectionOf(findings, path, 'master_oauth');
  const written = renamed(section, blocks, 'master_oauth', OAUTH_KEYS, path);
  if (!written) return none;
  const values = resolve(section, path, written, context);
  const fields = isObject(values) && parseLenient(section, path, oauthSchema, values, written);
  if (!fields) return none;
  for (const key of ['method', 'token_source', 'allow_passthrough']) {
    if (own(written, key) !== undefined) section.warn([...path, key], 'has no effect here');
  }
  const oauth = readOAuth(section, path, fields);
  const isFaulty = () => findings.problems.slice(before).some(({ level }) => level === 'error');
  if (!isFaulty() && !namesAuthorizationServer(oauth)) {
    section.error(path, 'does not say where the master logs in', {
      hint: 'Add `issuer`, `provider`, or `authorization_endpoint` and `token_endpoint`.',
    });
  }
  return isFaulty() ? none : { masterOauth: oauth, secretRefs: masterSecretTargets(section) };
}
