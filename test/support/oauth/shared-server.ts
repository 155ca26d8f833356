import { text } from 'node:stream/consumers';
import { listen } from './http-listener.ts';
import { createProtectedResource, type ProtectedResource } from './protected-resource.ts';
import type { TokenChecker } from './token-checker.ts';

/** The header in which a process says who it is. */
const WORKER_HEADER = 'x-worker';

/** For the configuration: each process has its name in the environment variable WORKER. */
export const WORKER_HEADERS = { [WORKER_HEADER]: 'env:WORKER' };

/** A tool call as it reached the server. */
export interface Use {
  worker: string;
  token: string;
}

/** A protected MCP server that knows which process has used which token. */
export interface SharedServer {
  /** The MCP endpoint. */
  url: string;
  /** Each tool call, in order. */
  uses: readonly Use[];
  requests: ProtectedResource['requests'];
  close(): Promise<void>;
}

/** Starts one whose tokens this authorization server issues. */
export async function startSharedServer(authorizationServer: TokenChecker): Promise<SharedServer> {
  const uses: Use[] = [];
  let resource: ProtectedResource | undefined;
  const { origin, close } = await listen(async (request, response) => {
    const body = await text(request);
    const { authorization = '', [WORKER_HEADER]: worker } = request.headers;
    if (body.includes('"tools/call"')) {
      uses.push({ worker: String(worker), token: authorization.replace(/^Bearer /, '') });
    }
    if (await resource?.handle(request, response, body)) return;
    const found = resource?.metadataAt(request.url ?? '');
    if (found === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
  });
  resource = createProtectedResource(origin, { authorizationServer });
  return { url: resource.resource, uses, requests: resource.requests, close };
}
