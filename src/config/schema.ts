import { z } from 'zod';
import { LOG_LEVELS } from '../log.ts';
import {
  block,
  choice,
  flag,
  list,
  seconds,
  secondsOrNone,
  textLike,
  texts,
  whole,
  word,
} from './schema-leaves.ts';

/*
 * The normal form of a configuration, the one source of validation, of the keys that suggestions
 * know, of the JSON Schema and of the reference in docs/configuration.md.
 */

const STRATEGIES = [
  'delegate_oauth',
  'master_oauth',
  'proxy_oauth',
  'bypass_auth',
  'headers',
  'api_key',
] as const;

const STRATEGY_SYNONYMS = { oauth: 'delegate_oauth', none: 'bypass_auth' } as const;

/** The keys of `auth_config` and `master_oauth`. */
export const oauthSchema = block({
  method: choice(STRATEGIES, STRATEGY_SYNONYMS)
    .describe('The strategy, where it is not given as `auth_strategy`: `oauth` = `delegate_oauth`.')
    .optional(),
  provider: word('the name of a provider preset')
    .describe('A preset (`github`, `google`, …): fills in what is not given.')
    .optional(),
  client_id: textLike().describe('The client registered with the provider.').optional(),
  client_secret: textLike().describe('Its secret: `env:NAME` or `keyring:NAME`.').optional(),
  client_metadata_url: word('an https URL')
    .describe('The https URL of a Client ID Metadata Document, used as client_id.')
    .optional(),
  token_endpoint_auth_method: choice([
    'none',
    'client_secret_basic',
    'client_secret_post',
    'private_key_jwt',
  ])
    .describe('How the client proves itself at the token endpoint.')
    .optional(),
  private_key: textLike().describe('A key in PEM form, for `private_key_jwt`.').optional(),
  scopes: z
    .union([list(), z.string()], {
      error: 'a list of scopes, or one text with blanks between them',
    })
    .describe('What to ask for: a list, or one text with blanks between the scopes.')
    .optional(),
  issuer: word('the https URL of the authorization server')
    .describe('The authorization server; skips its discovery.')
    .optional(),
  issuer_check: choice(['on', 'off'], { true: 'on', false: 'off' })
    .describe('`off` tolerates metadata that names another issuer. Default: on.')
    .optional(),
  authorization_endpoint: word('an https URL')
    .describe('Where the browser is sent; needs no metadata.')
    .optional(),
  token_endpoint: word('an https URL')
    .describe('Where codes and refresh tokens are exchanged; needs no metadata.')
    .optional(),
  device_authorization_endpoint: word('an https URL')
    .describe('Where `grant: device_code` asks for its code, if no metadata says it.')
    .optional(),
  resource: z
    .union([z.string(), z.literal(false)], { error: 'a URI, or false for not sending it' })
    .describe('The RFC 8707 resource; `false` = not sent. Default: found by discovery.')
    .optional(),
  redirect_port: whole(1, 65_535)
    .describe('The fixed port of the loopback redirect. Default: a free one.')
    .optional(),
  redirect_uri: word('a URL such as http://localhost:3000/callback')
    .describe('The whole loopback redirect; its host, port and path are kept.')
    .optional(),
  audience: textLike().describe('Sent as `audience` where the provider wants it.').optional(),
  extra_params: texts()
    .describe(
      'Further parameters of the first request of a login; protocol parameters are refused.',
    )
    .optional(),
  grant: choice(['authorization_code', 'device_code', 'client_credentials'])
    .describe('How tokens are got. Default: authorization_code, through the browser.')
    .optional(),
  token_source: textLike('env:NAME or keyring:NAME')
    .describe('For proxy_oauth: `env:NAME` or `keyring:NAME` of a token; unset = go on without.')
    .optional(),
  allow_passthrough: flag()
    .describe("Whether the master's own token may be sent to this server. Default: false.")
    .optional(),
});

/** The keys of `api_key`. */
export const apiKeySchema = block({
  header: word('the name of a header').describe('Default: Authorization.').optional(),
  template: word('text with {key} in it')
    .describe(
      'The value, with `{key}` or `{apiKey}`. Default: `Bearer {key}` for Authorization, else `{key}`.',
    )
    .optional(),
  key: textLike().describe('The key: `env:NAME` or `keyring:NAME`.').optional(),
});

/** The keys of `config`, which belongs to `type: local`. */
export const localSchema = block({
  port: whole(1, 65_535).describe('The port on 127.0.0.1.').optional(),
  path: word('a path that starts with /').describe('Default: /mcp.').optional(),
});

/** The keys of `tools`. */
export const toolsSchema = block({
  allow: list('a list of tool names or globs').describe('Only these. Default: all.').optional(),
  deny: list('a list of tool names or globs').describe('Not these; wins over `allow`.').optional(),
  describe: texts('a mapping of tool names to descriptions')
    .describe("Descriptions that replace the server's own.")
    .optional(),
});

/** The keys of `rate_limit`. */
export const rateLimitSchema = block({
  requests: whole(1, 1_000_000).describe('How many.').optional(),
  per: seconds().describe('In how many seconds. Default: 60.').optional(),
});

/** The keys of a server's entry. */
export const serverSchema = block({
  id: word('the name of the server')
    .describe('The name: letters, digits, `_` and `-`, 32 at most. In a map, the key is the name.')
    .optional(),
  command: word('the program to start').describe('The program of a stdio server.').optional(),
  args: list('a list of arguments').describe('Its arguments.').optional(),
  env: texts('a mapping of variables to text')
    .describe('Variables for the program; it gets no others but the safe ones of the platform.')
    .optional(),
  cwd: word('a folder')
    .describe('Its working folder, relative to the configuration file.')
    .optional(),
  url: word('a URL').describe('The address of a remote server.').optional(),
  transport: choice(['auto', 'stdio', 'http', 'sse', 'local'], {
    streamablehttp: 'http',
    'streamable-http': 'http',
    streamable_http: 'http',
  })
    .describe(
      '`auto` tries Streamable HTTP, then SSE; `local` = `config.port` on this computer. Default: auto.',
    )
    .optional(),
  config: localSchema.describe('For `type: local`: where on this computer.').optional(),
  enabled: flag().describe('`false`: listed, not started. Default: true.').optional(),
  prefix: z
    .string({ error: 'letters, digits, _ and -' })
    .regex(/^[A-Za-z0-9_-]{0,32}$/, { error: 'at most 32 letters, digits, _ and -' })
    .describe(
      'Stands before the names of its tools; "" = they keep their names. Default: the name.',
    )
    .optional(),
  headers: texts('a mapping of header names to text')
    .describe('Sent with each request, whatever the strategy.')
    .optional(),
  timeout: seconds().describe('Seconds without an answer or progress. Default: 60.').optional(),
  startup_timeout: seconds().describe('Seconds to connect. Default: 30.').optional(),
  sse_read_timeout: seconds()
    .describe('Seconds of silence on a stream before it is reopened. Default: 300.')
    .optional(),
  tools: toolsSchema.describe('Which tools are shown, and how.').optional(),
  rate_limit: rateLimitSchema.describe('At most so many requests in so many seconds.').optional(),
  pin: choice(['off', 'warn', 'strict'], { false: 'off' })
    .describe('What to do when the tools of the server change. Default: warn.')
    .optional(),
  auth_strategy: choice(STRATEGIES, STRATEGY_SYNONYMS)
    .describe('How requests are authenticated. Default: detected.')
    .optional(),
  auth_config: oauthSchema.describe('OAuth settings.').optional(),
  api_key: apiKeySchema.describe('An API key in a header.').optional(),
});

/** The keys of `serve`. */
export const serveSchema = block({
  browser: choice(['on_call', 'never'])
    .describe("Whether a client's own request may open the browser. Default: on_call.")
    .optional(),
  login_wait: secondsOrNone()
    .describe('Seconds that a call waits for a login. Default: 50.')
    .optional(),
  builtin_tools: flag()
    .describe('Whether the tools of mcp-master itself are shown. Default: true.')
    .optional(),
  first_list_wait: secondsOrNone()
    .describe('Seconds that the first list waits for servers never seen before. Default: 10.')
    .optional(),
  name_limit: whole(16, 128)
    .describe('The longest tool name, in characters. Default: 47.')
    .optional(),
  log_level: choice(LOG_LEVELS).describe('How much is logged. Default: info.').optional(),
});

/** The keys of `tokens`. */
export const tokensSchema = block({
  store: choice(['keychain', 'file']).describe('Where logins are kept.').optional(),
});

/** The entry of a server whose values have been checked one by one. */
export type ServerFields = z.output<typeof serverSchema>;
export type OAuthFields = z.output<typeof oauthSchema>;
