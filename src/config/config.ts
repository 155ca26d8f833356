import type { LogLevel } from '../log.ts';

/** What a configuration file says, whichever of the accepted shapes it has. */
export interface Config {
  /** The file that was read, absolute; undefined when there is none (`serve` starts all the same). */
  file: string | undefined;
  /** The folder in which a configuration is looked for when none is named. */
  folder: string;
  /** The entries that can be used, in the order of the file. */
  servers: ServerConfig[];
  /** Names of entries that were left out, with the problems that say why. */
  rejected: RejectedServer[];
  /** Everything found wrong or doubtful, errors and warnings alike. */
  problems: Problem[];
  serve: ServeSettings;
  tokens: TokenSettings;
  /** The root `master_oauth:` block: how `auth login --server=master` logs in. */
  masterOauth: OAuthSettings | undefined;
  /** Values of `masterOauth` that are stored secrets; their targets start at this structure. */
  secretRefs: SecretRef[];
  /** Values that must never be shown: resolved credentials, for the log's redactor. */
  secrets: string[];
  /** The process environment over what the `.env` file beside the configuration adds to it. */
  env: Environment;
}

/** Names and values of environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** An entry that was left out: the others start without it. */
export interface RejectedServer {
  name: string;
  problems: Problem[];
}

/** One finding about a configuration file. */
export interface Problem {
  level: 'error' | 'warning';
  code: 'CONFIG_INVALID' | 'VARIABLE_UNSET' | 'SECRET_MISSING' | 'INSECURE_URL';
  /** The key path as a person would write it: `servers[2].headers.X-Team`; '' for the whole file. */
  path: string;
  /** 1-based; undefined where no line can be named. */
  line: number | undefined;
  /** Of an entry, it begins with `server <name>: `. */
  message: string;
  hint: string | undefined;
  /** The name of the server whose entry it is about; absent = it is about no entry. */
  server?: string;
}

/** One backend server, whatever shape its entry had. */
export interface ServerConfig {
  /** `[A-Za-z0-9][A-Za-z0-9_-]{0,31}`, unique in the file. */
  name: string;
  /** False: known, listed, never started. */
  enabled: boolean;
  /** Stands before `__` in the names of its tools; '' = tools keep their own names. */
  prefix: string;
  endpoint: Endpoint;
  /** Seconds without an answer or progress before a request fails. */
  timeout: number;
  /** Seconds to connect and shake hands. */
  startupTimeout: number;
  tools: ToolSettings;
  rateLimit: RateLimit | undefined;
  pin: 'off' | 'warn' | 'strict';
  /**
   * A digest of the entry as it is written, before variables are filled in: what is remembered of a
   * server (its catalogue) is valid for as long as this stays the same.
   */
  fingerprint: string;
  /** Values that are stored secrets (`keyring:NAME`): '' in this structure until they are filled in. */
  secretRefs: SecretRef[];
}

/** A place in a {@link ServerConfig} that waits for a stored secret. */
export interface SecretRef {
  /** The keys that lead from the server's configuration to the value. */
  target: string[];
  /** The name it was stored under. */
  name: string;
  /** The key path in the file, for messages. */
  path: string;
  /** True = nothing is wrong when no such secret is stored. */
  optional?: boolean;
}

/** Where a server is reached. */
export type Endpoint = StdioEndpoint | RemoteEndpoint;

/** A server that is a child process. */
export interface StdioEndpoint {
  kind: 'stdio';
  command: string;
  args: string[];
  /** Given to the child beside the safe defaults of the platform. */
  env: Record<string, string>;
  /** Absolute; undefined = the folder of the configuration file is not imposed. */
  cwd: string | undefined;
}

/** A server that is reached over HTTP. */
export interface RemoteEndpoint {
  /** `auto` = Streamable HTTP, then the deprecated SSE transport as the MCP specification describes. */
  kind: 'auto' | 'http' | 'sse';
  url: string;
  /** Sent with each request; names that the transport owns have been left out already. */
  headers: Record<string, string>;
  auth: AuthConfig;
  /** Seconds of silence on a stream before it is reopened. */
  sseReadTimeout: number;
}

/** How requests to a remote server are authenticated. */
export type AuthConfig =
  /** No strategy given: headers as they are, and a 401 means that a login is needed. */
  | { strategy: 'detect' }
  | { strategy: 'bypass_auth' }
  | { strategy: 'headers' }
  /** The header's value is `template` with each `{key}` or `{apiKey}` replaced by the key, as it is. */
  | { strategy: 'api_key'; header: string; template: string; key: string }
  | { strategy: 'delegate_oauth'; oauth: OAuthSettings }
  | { strategy: 'master_oauth'; oauth: OAuthSettings }
  | { strategy: 'proxy_oauth'; oauth: OAuthSettings };

/** The keys of `auth_config`, in their normal form. */
export interface OAuthSettings {
  provider?: string;
  clientId?: string;
  clientSecret?: string;
  clientMetadataUrl?: string;
  tokenEndpointAuthMethod?: string;
  privateKey?: string;
  scopes?: string[];
  issuer?: string;
  issuerCheck?: 'on' | 'off';
  authorizationEndpoint?: string;
  tokenEndpoint?: string;
  deviceAuthorizationEndpoint?: string;
  /** false = the parameter is not sent. */
  resource?: string | false;
  redirectPort?: number;
  redirectUri?: string;
  audience?: string;
  extraParams?: Record<string, string>;
  grant?: 'authorization_code' | 'device_code' | 'client_credentials';
  tokenSource?: string;
  /** The token of a `tokenSource` that is a stored secret, once that is filled in. */
  sourceToken?: string;
  allowPassthrough?: boolean;
}

/** Which tools of a server are shown, and how. */
export interface ToolSettings {
  /** Globs over the server's own tool names; undefined = all. */
  allow: string[] | undefined;
  /** Globs; wins over `allow`. */
  deny: string[];
  /** Original tool name -> the description shown instead of its own. */
  describe: Record<string, string>;
}

/** At most `requests` in any `per` seconds. */
export interface RateLimit {
  requests: number;
  per: number;
}

/** The `tokens:` block. */
export interface TokenSettings {
  /** Undefined = not chosen by the file. */
  store: 'keychain' | 'file' | undefined;
}

/** The `serve:` block. */
export interface ServeSettings {
  browser: 'on_call' | 'never';
  /** Seconds that a call waits for a login. */
  loginWait: number;
  builtinTools: boolean;
  /** Seconds that the first list waits for servers that were never seen before. */
  firstListWait: number;
  /** The longest qualified tool name, in characters. */
  nameLimit: number;
  logLevel: LogLevel;
}
