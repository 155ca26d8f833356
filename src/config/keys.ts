import {
  apiKeySchema,
  localSchema,
  oauthSchema,
  rateLimitSchema,
  serverSchema,
  toolsSchema,
} from './schema.ts';

/** The keys of one block, and the other spellings under which they are accepted. */
export interface KeySet {
  /** The keys of the normal form. */
  known: readonly string[];
  /** Other names in snake_case -> the normal key. Each name may also be written in camelCase. */
  aliases: Readonly<Record<string, string>>;
}

/** The keys of a server's entry; `disabled` is one too, the opposite of `enabled`. */
export const ENTRY_KEYS: KeySet = {
  known: Object.keys(serverSchema.entries),
  aliases: {
    name: 'id',
    type: 'transport',
    protocol: 'transport',
    transport_type: 'transport',
    auth: 'auth_config',
    oauth: 'auth_config',
    server_url: 'url',
    http_url: 'url',
  },
};

/** The keys of `auth_config`. */
export const OAUTH_KEYS: KeySet = {
  known: Object.keys(oauthSchema.entries),
  aliases: {
    authorization_url: 'authorization_endpoint',
    token_url: 'token_endpoint',
    scope: 'scopes',
    callback_port: 'redirect_port',
    grant_type: 'grant',
  },
};

/** The blocks inside an entry. */
export const BLOCKS: Readonly<Record<string, KeySet>> = {
  auth_config: OAUTH_KEYS,
  api_key: {
    known: Object.keys(apiKeySchema.entries),
    aliases: { header_name: 'header', value_template: 'template', api_key: 'key' },
  },
  config: { known: Object.keys(localSchema.entries), aliases: {} },
  tools: { known: Object.keys(toolsSchema.entries), aliases: {} },
  rate_limit: { known: Object.keys(rateLimitSchema.entries), aliases: {} },
};

/** Blocks whose keys are the user's own. */
export const FREE_BLOCKS: readonly string[] = ['headers', 'env', 'extra_params', 'describe'];

/** The keys of the root; every other one is a server in a bare map. */
export const ROOT_KEYS: readonly string[] = [
  'servers',
  'mcpServers',
  'serve',
  'tokens',
  'master_oauth',
  '$schema',
];

/** The normal spelling of a key: `clientId`, `CLIENT_ID` and `client_id` are one. */
export function normalKey(key: string, { known, aliases }: KeySet): string {
  if (known.includes(key)) return key;
  const snake = key
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll('-', '_');
  return Object.hasOwn(aliases, snake) ? (aliases[snake] ?? snake) : snake;
}

/** Whether a key, in any accepted spelling, belongs to a block. */
export function isKnown(key: string, keys: KeySet): boolean {
  return keys.known.includes(normalKey(key, keys));
}

/** Every accepted snake_case spelling, for suggestions. */
export function spellings(keys: KeySet): string[] {
  return [...keys.known, ...Object.keys(keys.aliases)];
}
