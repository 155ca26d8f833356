import { LOG_LEVELS } from '../log.ts';
import { blockOf, nested, type Output, setting } from './schema-blocks.ts';
import {
  choice,
  flag,
  formed,
  list,
  scopes,
  seconds,
  secondsOrNone,
  textLike,
  textOrFalse,
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
export const oauthSchema = blockOf({
  method: setting(
    choice(STRATEGIES, STRATEGY_SYNONYMS),
    'The strategy, where it is not given as `auth_strategy`: `oauth` = `delegate_oauth`.',
  ),
  provider: setting(
    word('the name of a provider preset'),
    'A preset (`github`, `google`, …): fills in what is not given.',
  ),
  client_id: setting(textLike(), 'The client registered with the provider.'),
  client_secret: setting(textLike(), 'Its secret: `env:NAME` or `keyring:NAME`.'),
  client_metadata_url: setting(
    word('an https URL'),
    'The https URL of a Client ID Metadata Document, used as client_id.',
  ),
  token_endpoint_auth_method: setting(
    choice(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']),
    'How the client proves itself at the token endpoint.',
  ),
  private_key: setting(textLike(), 'A key in PEM form, for `private_key_jwt`.'),
  scopes: setting(scopes(), 'What to ask for: a list, or one text with blanks between the scopes.'),
  issuer: setting(
    word('the https URL of the authorization server'),
    'The authorization server; skips its discovery.',
  ),
  issuer_check: setting(
    choice(['on', 'off'], { true: 'on', false: 'off' }),
    '`off` tolerates metadata that names another issuer. Default: on.',
  ),
  authorization_endpoint: setting(
    word('an https URL'),
    'Where the browser is sent; needs no metadata.',
  ),
  token_endpoint: setting(
    word('an https URL'),
    'Where codes and refresh tokens are exchanged; needs no metadata.',
  ),
  device_authorization_endpoint: setting(
    word('an https URL'),
    'Where `grant: device_code` asks for its code, if no metadata says it.',
  ),
  resource: setting(
    textOrFalse('a URI, or false for not sending it'),
    'The RFC 8707 resource; `false` = not sent. Default: found by discovery.',
  ),
  redirect_port: setting(
    whole(1, 65_535),
    'The fixed port of the loopback redirect. Default: a free one.',
  ),
  redirect_uri: setting(
    word('a URL such as http://localhost:3000/callback'),
    'The whole loopback redirect; its host, port and path are kept.',
  ),
  audience: setting(textLike(), 'Sent as `audience` where the provider wants it.'),
  extra_params: setting(
    texts(),
    'Further parameters of the first request of a login; protocol parameters are refused.',
  ),
  grant: setting(
    choice(['authorization_code', 'device_code', 'client_credentials']),
    'How tokens are got. Default: authorization_code, through the browser.',
  ),
  token_source: setting(
    textLike('env:NAME or keyring:NAME'),
    'For proxy_oauth: `env:NAME` or `keyring:NAME` of a token; unset = go on without.',
  ),
  allow_passthrough: setting(
    flag(),
    "Whether the master's own token may be sent to this server. Default: false.",
  ),
});

/** The keys of `api_key`. */
export const apiKeySchema = blockOf({
  header: setting(word('the name of a header'), 'Default: Authorization.'),
  template: setting(
    word('text with {key} in it'),
    'The value, with `{key}` or `{apiKey}`. Default: `Bearer {key}` for Authorization, else `{key}`.',
  ),
  key: setting(textLike(), 'The key: `env:NAME` or `keyring:NAME`.'),
});

/** The keys of `config`, which belongs to `type: local`. */
export const localSchema = blockOf({
  port: setting(whole(1, 65_535), 'The port on 127.0.0.1.'),
  path: setting(word('a path that starts with /'), 'Default: /mcp.'),
});

/** The keys of `tools`. */
export const toolsSchema = blockOf({
  allow: setting(list('a list of tool names or globs'), 'Only these. Default: all.'),
  deny: setting(list('a list of tool names or globs'), 'Not these; wins over `allow`.'),
  describe: setting(
    texts('a mapping of tool names to descriptions'),
    "Descriptions that replace the server's own.",
  ),
});

/** The keys of `rate_limit`. */
export const rateLimitSchema = blockOf({
  requests: setting(whole(1, 1_000_000), 'How many.'),
  per: setting(seconds(), 'In how many seconds. Default: 60.'),
});

/** The keys of a server's entry. */
export const serverSchema = blockOf({
  id: setting(
    word('the name of the server'),
    'The name: letters, digits, `_` and `-`, 32 at most. In a map, the key is the name.',
  ),
  command: setting(word('the program to start'), 'The program of a stdio server.'),
  args: setting(list('a list of arguments'), 'Its arguments.'),
  env: setting(
    texts('a mapping of variables to text'),
    'Variables for the program; it gets no others but the safe ones of the platform.',
  ),
  cwd: setting(word('a folder'), 'Its working folder, relative to the configuration file.'),
  url: setting(word('a URL'), 'The address of a remote server.'),
  transport: setting(
    choice(['auto', 'stdio', 'http', 'sse', 'local'], {
      streamablehttp: 'http',
      'streamable-http': 'http',
      streamable_http: 'http',
    }),
    '`auto` tries Streamable HTTP, then SSE; `local` = `config.port` on this computer. Default: auto.',
  ),
  config: setting(nested(localSchema), 'For `type: local`: where on this computer.'),
  enabled: setting(flag(), '`false`: listed, not started. Default: true.'),
  prefix: setting(
    formed(
      /^[A-Za-z0-9_-]{0,32}$/,
      'letters, digits, _ and -',
      'at most 32 letters, digits, _ and -',
    ),
    'Stands before the names of its tools; "" = they keep their names. Default: the name.',
  ),
  headers: setting(
    texts('a mapping of header names to text'),
    'Sent with each request, whatever the strategy.',
  ),
  timeout: setting(seconds(), 'Seconds without an answer or progress. Default: 60.'),
  startup_timeout: setting(seconds(), 'Seconds to connect. Default: 30.'),
  sse_read_timeout: setting(
    seconds(),
    'Seconds of silence on a stream before it is reopened. Default: 300.',
  ),
  tools: setting(nested(toolsSchema), 'Which tools are shown, and how.'),
  rate_limit: setting(nested(rateLimitSchema), 'At most so many requests in so many seconds.'),
  pin: setting(
    choice(['off', 'warn', 'strict'], { false: 'off' }),
    'What to do when the tools of the server change. Default: warn.',
  ),
  auth_strategy: setting(
    choice(STRATEGIES, STRATEGY_SYNONYMS),
    'How requests are authenticated. Default: detected.',
  ),
  auth_config: setting(nested(oauthSchema), 'OAuth settings.'),
  api_key: setting(nested(apiKeySchema), 'An API key in a header.'),
});

/** The keys of `serve`. */
export const serveSchema = blockOf({
  browser: setting(
    choice(['on_call', 'never']),
    "Whether a client's own request may open the browser. Default: on_call.",
  ),
  login_wait: setting(secondsOrNone(), 'Seconds that a call waits for a login. Default: 50.'),
  builtin_tools: setting(
    flag(),
    'Whether the tools of mcp-master itself are shown. Default: true.',
  ),
  first_list_wait: setting(
    secondsOrNone(),
    'Seconds that the first list waits for servers never seen before. Default: 10.',
  ),
  name_limit: setting(whole(16, 128), 'The longest tool name, in characters. Default: 47.'),
  log_level: setting(choice(LOG_LEVELS), 'How much is logged. Default: info.'),
});

/** The keys of `tokens`. */
export const tokensSchema = blockOf({
  store: setting(choice(['keychain', 'file']), 'Where logins are kept.'),
});

/** The entry of a server whose values have been checked one by one. */
export type ServerFields = Output<typeof serverSchema>;
export type OAuthFields = Output<typeof oauthSchema>;
