import type { AuthConfig, OAuthSettings } from './config.ts';
import {
  credentialHeader,
  findHeader,
  headerValueProblem,
  isHeaderName,
  isOwnedHeader,
} from './headers.ts';
import { readOAuth } from './oauth-settings.ts';
import type { ServerFields } from './schema.ts';
import type { Section } from './section.ts';
import { isRemoteHttp } from './urls.ts';

/** Strategies that send a token which was got by OAuth. */
const OAUTH_STRATEGIES = ['delegate_oauth', 'master_oauth', 'proxy_oauth'] as const;

type Strategy = AuthConfig['strategy'];
type OAuthStrategy = (typeof OAUTH_STRATEGIES)[number];

/** What a remote entry says about authentication, before its strategy is settled. */
interface AuthInput {
  section: Section;
  fields: ServerFields;
  headers: Readonly<Record<string, string>>;
  url: string;
  /** Which blocks the entry has, right or wrong. */
  has(key: string, inner?: string): boolean;
}

/**
 * How requests to a remote server are authenticated. Reports two competing credentials, a strategy
 * that lacks what it needs, and tokens that would be sent unencrypted.
 */
export function readAuth(input: AuthInput): AuthConfig {
  const { section, fields } = input;
  const { method, ...settings } = fields.auth_config ?? {};
  const strategy = chooseStrategy(input, Object.keys(settings).length > 0);
  const oauth = readOAuth(section, ['auth_config'], settings);
  if (fields.auth_strategy && method && fields.auth_strategy !== method) {
    section.error(['auth_config', 'method'], 'contradicts "auth_strategy"', {
      hint: 'Keep one of them.',
    });
  }
  checkCredentials(input, strategy, oauth);
  checkNeeds(input, strategy);
  checkSettings(section, strategy, oauth);
  checkAddress(input, strategy);
  if (isOAuth(strategy)) return { strategy, oauth };
  if (strategy === 'api_key') return readApiKey(input);
  return { strategy };
}

function isOAuth(strategy: Strategy): strategy is OAuthStrategy {
  return OAUTH_STRATEGIES.some((item) => item === strategy);
}

/** The strategy that is named, else the one that the given blocks and headers stand for. */
function chooseStrategy({ fields, headers, has }: AuthInput, hasSettings: boolean): Strategy {
  const named = fields.auth_strategy ?? fields.auth_config?.method;
  if (named !== undefined) return named;
  if (has('api_key')) return 'api_key';
  if (has('auth_config') || hasSettings) return 'delegate_oauth';
  return credentialHeader(headers) === undefined ? 'detect' : 'headers';
}

function checkCredentials(input: AuthInput, strategy: Strategy, oauth: OAuthSettings): void {
  const { section, headers, has } = input;
  const authorization = findHeader(headers, 'authorization');
  const hasSettings = Object.keys(oauth).length > 0;
  const wantsOAuth = isOAuth(strategy) || hasSettings;
  const clash = (path: string[], rival: string) =>
    section.error(path, `competes with ${rival}`, { hint: 'Keep one of the two.' });
  if (authorization !== undefined && wantsOAuth) {
    clash(['headers', authorization], 'the token of OAuth');
  }
  if (has('api_key')) {
    if (wantsOAuth) clash(['api_key'], 'the token of OAuth');
    else if (authorization !== undefined) clash(['api_key'], `the header "${authorization}"`);
    else if (strategy !== 'api_key') clash(['api_key'], `the strategy ${strategy}`);
  } else if (hasSettings && !isOAuth(strategy)) clash(['auth_config'], `the strategy ${strategy}`);
}

function checkNeeds({ section, headers, has }: AuthInput, strategy: Strategy): void {
  const credential = credentialHeader(headers);
  if (strategy === 'bypass_auth' && credential !== undefined) {
    section.error(['headers', credential], 'bypass_auth sends no credential', {
      hint: 'Write auth_strategy: headers, or take the header out.',
    });
  }
  if (strategy === 'headers' && Object.keys(headers).length === 0) {
    section.error(['auth_strategy'], 'needs "headers"', {
      hint: 'Add headers, or write auth_strategy: bypass_auth.',
    });
  }
  if (strategy === 'api_key' && !has('api_key')) {
    section.error(['auth_strategy'], 'needs "api_key" with the key', {
      hint: 'Write api_key: { header: X-API-Key, key: keyring:NAME } in the entry.',
    });
  }
}

/** What a server that is sent the master's token may say of it. */
const OF_MASTER = new Set(['allowPassthrough']);

function checkSettings(section: Section, strategy: Strategy, oauth: OAuthSettings): void {
  if (strategy === 'master_oauth') checkMaster(section, oauth);
  if (oauth.tokenSource !== undefined && strategy !== 'proxy_oauth') {
    section.error(['auth_config', 'token_source'], 'belongs to the strategy proxy_oauth', {
      hint: 'Write auth_strategy: proxy_oauth.',
    });
  }
  if (oauth.allowPassthrough && strategy === 'delegate_oauth') {
    section.warn(['auth_config', 'allow_passthrough'], 'has no effect with delegate_oauth');
  }
}

/** The strategy is the permission; what a login needs stands at the root, since there is one for all. */
function checkMaster(section: Section, oauth: OAuthSettings): void {
  if (oauth.allowPassthrough === false) {
    section.error(['auth_config', 'allow_passthrough'], 'contradicts master_oauth', {
      hint: "Choose another strategy, or take this out: master_oauth sends the master's token.",
    });
  }
  const others = Object.keys(oauth).filter((key) => !OF_MASTER.has(key) && key !== 'tokenSource');
  if (others.length === 0) return;
  section.warn(['auth_config'], 'has no effect with master_oauth, but for allow_passthrough', {
    hint: 'The master logs in with the `master_oauth` block at the root of the file.',
  });
}

function checkAddress({ section, url }: AuthInput, strategy: Strategy): void {
  if (section.isUnresolved(['url']) || !isRemoteHttp(url)) return;
  const options = { code: 'INSECURE_URL', hint: 'Write https://.' } as const;
  if (isOAuth(strategy)) {
    section.error(['url'], 'a token would cross the network without encryption', options);
  } else section.warn(['url'], 'requests cross the network without encryption', options);
}

function readApiKey({ section, fields, headers, has }: AuthInput): AuthConfig {
  const given = fields.api_key ?? {};
  const header = given.header ?? 'Authorization';
  const byDefault = header.toLowerCase() === 'authorization' ? 'Bearer {key}' : '{key}';
  const template = given.template ?? byDefault;
  if (fields.api_key && !has('api_key', 'key')) {
    section.error(['api_key'], 'expected "key", the API key', {
      hint: 'Store it with `mcp-master secret set NAME` and write key: keyring:NAME.',
    });
  }
  checkApiHeader(section, header, headers);
  if (!/\{(key|apiKey)\}/.test(template)) {
    section.error(['api_key', 'template'], 'expected {key} where the key is to stand');
  }
  for (const [name, value] of Object.entries({ key: given.key ?? '', template })) {
    const problem = headerValueProblem(value);
    if (problem !== undefined) section.error(['api_key', name], problem);
  }
  return { strategy: 'api_key', header, template, key: given.key ?? '' };
}

function checkApiHeader(
  section: Section,
  header: string,
  headers: Readonly<Record<string, string>>,
): void {
  const path = ['api_key', 'header'];
  if (section.isUnresolved(path)) return;
  if (!isHeaderName(header)) {
    section.error(path, "expected a header's name: letters, digits and -, no blanks");
  } else if (isOwnedHeader(header)) {
    section.error(path, 'the transport sets this header itself', { hint: 'Use another header.' });
  } else if (
    findHeader(headers, header.toLowerCase()) !== undefined &&
    header.toLowerCase() !== 'authorization'
  ) {
    section.error(path, 'this header stands in "headers" too', { hint: 'Keep one of them.' });
  }
}
