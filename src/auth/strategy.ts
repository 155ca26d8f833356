import type { AuthConfig, RemoteEndpoint } from '../config/config.ts';
import { isOwnedHeader } from '../config/headers.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { RequestAuth } from './request-auth.ts';

/** The names of the strategies, as in a configuration file. */
export type StrategyName = Exclude<AuthConfig['strategy'], 'detect'>;

/** What a strategy of the program's own is told of a request. */
export interface AuthRequest {
  /** The name of the server in the configuration. */
  server: string;
  /** Where it is reached. */
  url: string;
}

/** A strategy that somebody brings along, in place of the one that the configuration names. */
export interface AuthStrategy {
  /**
   * The headers of the next request, beside those of the server's entry. What it throws or rejects with
   * fails the request.
   */
  headers(request: AuthRequest): Record<string, string> | Promise<Record<string, string>>;
  /** Hears a 401 to these headers. True = others are to be had now: the request is sent once more. */
  onUnauthorized?(request: AuthRequest): boolean | Promise<boolean>;
}

/** The authentication of the requests to one server, by somebody's own strategy. */
export function customAuth(
  strategy: AuthStrategy,
  server: string,
  { url, headers }: RemoteEndpoint,
  log: Logger,
): RequestAuth {
  const request: AuthRequest = { server, url };
  const nothing = () => undefined;
  const told = new Set<string>();
  const warn = (header: string) => {
    if (told.has(header)) return;
    told.add(header);
    log.warn(`the header "${header}" of its strategy is left out: the transport sets it itself`);
  };
  return {
    headers: async () => merged(headers, await strategy.headers(request), warn),
    onUnauthorized: async () => {
      try {
        return (await strategy.onUnauthorized?.(request)) ?? false;
      } catch (error) {
        log.warn(`its strategy failed after a 401: ${toMcpMasterError(error).message}`);
        return false;
      }
    },
    ...{ onRefusal: nothing, onAccepted: nothing, onConnected: nothing },
  };
}

/** Headers have no case, and some belong to the transport (row B2). */
function merged(
  entry: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
  warn: (header: string) => void,
): Record<string, string> {
  const all = new Map<string, [string, string]>();
  for (const [name, value] of [...Object.entries(entry), ...plainHeaders(own)]) {
    if (isOwnedHeader(name)) warn(name);
    else all.set(name.toLowerCase(), [name, value]);
  }
  return Object.fromEntries(all.values());
}

/** Names and values, whatever a program in JavaScript has made. Throws `CONFIG_INVALID` for what are none. */
function plainHeaders(own: unknown): [string, string][] {
  const entries = own instanceof Headers ? [...own] : Object.entries(Object(own));
  const isPlain = typeof own === 'object' && own !== null && !Array.isArray(own);
  if (isPlain && entries.every(([, value]) => typeof value === 'string')) {
    return entries as [string, string][];
  }
  throw new McpMasterError('CONFIG_INVALID', 'its strategy gave headers that are none', {
    hint: 'Return an object of names and texts from `headers`.',
  });
}
