import { text } from 'node:stream/consumers';
import { listen } from './http-listener.ts';
import {
  createProtectedResource,
  type ProtectedResource,
  type ProtectionOptions,
} from './protected-resource.ts';

/** How a protected MCP server is started. All but the authorization server may be left out. */
export interface ProtectedServerOptions extends ProtectionOptions {
  /** Default: any free one. */
  port?: number;
}

/** An MCP server on 127.0.0.1 that wants a token. */
export interface ProtectedServer extends Omit<ProtectedResource, 'handle' | 'metadataAt'> {
  origin: string;
  /** The MCP endpoint. */
  url: URL;
  /** Breaks all open connections, streams included. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * Starts an MCP server of the SDK (tools `echo`, `whoami` and `erase`, which needs one more scope; `count`
 * where asked for) that checks each token with its authorization server. It can be used outside of a test, too.
 */
export async function startProtectedServer({
  port,
  ...options
}: ProtectedServerOptions): Promise<ProtectedServer> {
  let site: ProtectedResource | undefined;
  const { origin, cut, close } = await listen(async (request, response) => {
    if (await site?.handle(request, response, await text(request))) return;
    const found = site?.metadataAt(request.url ?? '');
    if (found === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
  }, port);
  site = createProtectedResource(origin, options);
  const { handle: _, metadataAt: __, ...shown } = site;
  return { ...shown, origin, url: new URL(site.resource), cut, close };
}
