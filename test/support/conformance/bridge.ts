import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { BridgeSession } from './bridge-session.ts';
import type { StdioCommand } from './stdio-child.ts';

/** An HTTP face of a stdio MCP server. */
export interface Bridge {
  /** Where the MCP endpoint is. */
  url: string;
  /** What the servers behind it did that good servers don't, so far. */
  problems: readonly string[];
  /** What the client of each open session has sent: the methods, in order. */
  sessions: () => readonly string[][];
  /** Ends the sessions and their processes, and stops listening. */
  close(): Promise<void>;
}

/** Names that a page of another site can't have (DNS rebinding). */
const LOCAL = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Serves a stdio MCP server over Streamable HTTP on a free port of 127.0.0.1, message by message:
 * every session has a process of its own.
 */
export async function startBridge(command: StdioCommand): Promise<Bridge> {
  const bridge = new SessionTable(command);
  const server = createServer((request, response) => {
    bridge.handle(request, response).catch((error: unknown) => {
      bridge.problems.push(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    await bridge.close();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  const url = `http://127.0.0.1:${port}/mcp`;
  return { url, problems: bridge.problems, sessions: () => bridge.open, close };
}

class SessionTable {
  readonly problems: string[] = [];
  readonly #command: StdioCommand;
  readonly #byId = new Map<string, BridgeSession>();
  /** All whose process may still run. */
  readonly #running = new Set<BridgeSession>();

  constructor(command: StdioCommand) {
    this.#command = command;
  }

  get open(): string[][] {
    return [...this.#byId.values()].map(({ received }) => received);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isLocal(request)) return refuse(response, 403, 'Only for this machine');
    const body = request.method === 'POST' ? parse(await text(request)) : undefined;
    const id = request.headers['mcp-session-id'];
    const session = id === undefined ? this.#openFor(body) : this.#byId.get(String(id));
    if (session !== undefined) return session.transport.handleRequest(request, response, body);
    if (id === undefined) return refuse(response, 400, 'A session begins with "initialize"');
    return refuse(response, 404, 'There is no such session');
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((session) => session.close()));
  }

  #openFor(body: unknown): BridgeSession | undefined {
    if ((body as { method?: unknown } | undefined)?.method !== 'initialize') return undefined;
    const session: BridgeSession = new BridgeSession(this.#command, {
      onOpen: (id) => void this.#byId.set(id, session),
      onOver: () => void this.#forget(session),
      onProblem: (problem) => void this.problems.push(problem),
    });
    this.#running.add(session);
    return session;
  }

  async #forget(session: BridgeSession): Promise<void> {
    this.#byId.delete(session.transport.sessionId ?? '');
    await session.close();
    this.#running.delete(session);
  }
}

function isLocal({ headers: { host, origin } }: IncomingMessage): boolean {
  const urls = [`http://${host ?? ''}`, ...(origin === undefined ? [] : [origin])];
  return urls.every((url) => URL.canParse(url) && LOCAL.has(new URL(url).hostname));
}

/** Undefined when it is no JSON, which the transport refuses as such. */
function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function refuse(response: ServerResponse, status: number, message: string): void {
  const error = { code: -32000, message };
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
}
