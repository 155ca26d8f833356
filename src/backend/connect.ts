import type { RequestAuth } from '../auth/request-auth.ts';
import type { Authentication } from '../auth/server-auth.ts';
import type { RemoteEndpoint, ServerConfig } from '../config/config.ts';
import { fillSecrets, type ReadSecret } from '../config/secrets.ts';
import { McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { unlessAborted } from '../oauth/unless-aborted.ts';
import { Peer, type PeerHandlers } from '../rpc/peer.ts';
import type { Transport } from '../rpc/transport.ts';
import { type ChildSurroundings, childEnvironment } from './child-environment.ts';
import type { Spawn } from './child-process.ts';
import { type ClientIdentity, type ServerIdentity, shakeHands } from './handshake.ts';
import type { HttpClient } from './http.ts';
import { createSseTransport } from './sse-transport.ts';
import { StdioTransport } from './stdio-transport.ts';
import { StreamableHttpTransport } from './streamable-http.ts';

/** What connecting to a server takes from the world. */
export interface ConnectDeps {
  spawn: Spawn;
  http: HttpClient;
  surroundings: ChildSurroundings;
  readSecret: ReadSecret;
  auth: Authentication;
  log: Logger;
  /** Masks what must not be shown in the text of an error. */
  redact(text: string): string;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** A server that has shaken hands. */
export interface Session {
  peer: Peer;
  server: ServerIdentity;
  transport: TransportKind;
}

export type TransportKind = 'stdio' | 'http' | 'sse';

/** Answers to the first POST after which the specification tells a client to try the old transport. */
const MEANS_OLD_TRANSPORT = [400, 404, 405];

/**
 * Connects to a server and shakes hands, within its `startup_timeout` over all. Rejects with an
 * `McpMasterError`, also when `signal` ends the attempt; nothing of a failed one is left behind.
 */
export async function connect(
  server: ServerConfig,
  client: ClientIdentity,
  handlers: PeerHandlers,
  deps: ConnectDeps,
  signal: AbortSignal,
): Promise<Session> {
  // A keychain may take as long as a person does.
  const filled = fillSecrets(server, deps.readSecret);
  const { endpoint, startupTimeout } = await unlessAborted(filled, signal, calledOffError);
  const deadline = deps.now() + startupTimeout * 1000;
  const open: Open = async (kind, transport) => {
    const remaining = Math.max(deadline - deps.now(), 1);
    return openSession({
      ...{ kind, transport, client, handlers, startupTimeout, remaining, signal, deps },
    });
  };
  if (endpoint.kind !== 'stdio') {
    const auth = deps.auth.forServer(server, endpoint);
    const session = await connectRemote(endpoint, auth, open, deps);
    auth.onConnected();
    return session;
  }
  const { command, args, env, cwd } = endpoint;
  const child = { command, args, cwd, env: childEnvironment(env, deps.surroundings) };
  return open('stdio', new StdioTransport(child, deps.spawn, deps.log));
}

type Open = (kind: TransportKind, transport: Transport) => Promise<Session>;

/** Streamable HTTP, or the deprecated transport (specification, "Backwards Compatibility"). */
async function connectRemote(
  endpoint: RemoteEndpoint,
  auth: RequestAuth,
  open: Open,
  deps: ConnectDeps,
): Promise<Session> {
  let status: number | undefined;
  const options = {
    url: new URL(endpoint.url),
    client: deps.http,
    headers: () => auth.headers(),
    onUnauthorized: (sent: Record<string, string>) => auth.onUnauthorized(sent),
    onAccepted: (method: string | undefined) => auth.onAccepted(method),
    onResponse: (code: number, headers: Record<string, string>, method?: string) => {
      status = code;
      auth.onRefusal(code, headers, method);
    },
    readTimeoutMs: endpoint.sseReadTimeout * 1000,
    log: deps.log,
  };
  const openSse = async () => open('sse', await createSseTransport(options));
  if (endpoint.kind === 'sse') return openSse();
  try {
    return await open('http', new StreamableHttpTransport(options));
  } catch (error) {
    if (endpoint.kind !== 'auto' || !MEANS_OLD_TRANSPORT.includes(status ?? 0)) throw error;
    deps.log.debug(
      `no Streamable HTTP here (status ${status}): trying the deprecated SSE transport`,
    );
    // If that fails, too, the answer of the transport that servers should have is the one to show.
    return openSse().catch((second: unknown) => {
      deps.log.debug(`no SSE either: ${toMcpMasterError(second).message}`);
      throw error;
    });
  }
}

/** What {@link openSession} works with. */
interface Opening {
  kind: TransportKind;
  transport: Transport;
  client: ClientIdentity;
  handlers: PeerHandlers;
  /** Seconds, as configured: for messages. */
  startupTimeout: number;
  /** Milliseconds that are left of it. */
  remaining: number;
  signal: AbortSignal;
  deps: ConnectDeps;
}

async function openSession(opening: Opening): Promise<Session> {
  const { kind, transport, client, handlers, deps } = opening;
  const peer = new Peer(transport, handlers, { label: 'the server', log: deps.log });
  const ended = endOf(opening);
  try {
    const shaken = peer.start().then(() => shakeHands(peer, client));
    const server = await Promise.race([shaken, ended.promise]);
    return { peer, server, transport: kind };
  } catch (error) {
    await peer.close();
    throw error;
  } finally {
    ended.clear();
  }
}

/** Rejects when the time is up or the attempt is called off. */
function endOf({ remaining, startupTimeout, transport, signal }: Opening): {
  promise: Promise<never>;
  clear(): void;
} {
  const { promise, reject } = withRejection();
  const onAbort = () => reject(calledOffError());
  const onTime = () => reject(notReadyError(startupTimeout, transport));
  const timer = setTimeout(onTime, remaining);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const clear = () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  };
  return { promise, clear };
}

function withRejection(): { promise: Promise<never>; reject(error: McpMasterError): void } {
  let reject: (error: McpMasterError) => void = () => undefined;
  const promise = new Promise<never>((_, refuse) => {
    reject = refuse;
  });
  return { promise, reject };
}

function calledOffError(): McpMasterError {
  return new McpMasterError('INTERRUPTED', 'the attempt was called off');
}

function notReadyError(startupTimeout: number, transport: Transport): McpMasterError {
  const diagnosis = transport.diagnosis?.();
  const known = diagnosis === undefined ? '' : `; ${diagnosis}`;
  return new McpMasterError(
    'BACKEND_TIMEOUT',
    `the server was not ready within ${startupTimeout} s${known}`,
    {
      hint: 'If it only starts slowly, raise "startup_timeout" in its entry of the configuration.',
    },
  );
}
