import type { ServerResponse } from 'node:http';
import type { OAuthSettings } from '../../../src/config/config.ts';
import type { McpMasterError } from '../../../src/errors.ts';
import type { Challenge } from '../../../src/oauth/discovery/challenge.ts';
import {
  type Discovery,
  type DiscoveryDeps,
  discover,
} from '../../../src/oauth/discovery/discover.ts';
import { createFetch } from '../../../src/platform/fetch.ts';
import { testClient } from '../../support/http/connection.ts';
import { json, type ScriptedServer, startServer } from '../../support/http/scripted-server.ts';
import { memoryLog } from '../../support/memory-log.ts';

/** What stands at a path: JSON, a status, or whatever a function answers. Elsewhere is 404. */
export type Page = object | number | ((response: ServerResponse) => void);

export const RESOURCE = '/.well-known/oauth-protected-resource';
export const OAUTH = '/.well-known/oauth-authorization-server';
export const OPENID = '/.well-known/openid-configuration';

/** Serves pages, which may name the origin that they are served from. */
export async function startSite(pages: (origin: string) => Record<string, Page>) {
  const site: ScriptedServer = await startServer(({ path }, response) => {
    const page = pages(site.origin)[path] ?? 404;
    if (typeof page === 'function') page(response);
    else if (typeof page === 'number') response.writeHead(page).end('{"a":"body"}');
    else json(response, page);
  });
  return { ...site, paths: () => site.received.map(({ path }) => path) };
}

/** Good metadata of an authorization server, but for what is given. */
export function metadata(issuer: string, other: object = {}) {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    code_challenge_methods_supported: ['plain', 'S256'],
    ...other,
  };
}

/** Good metadata of the resource `/mcp`, which is its own authorization server. */
export function resource(origin: string, other: object = {}) {
  return { resource: `${origin}/mcp`, authorization_servers: [origin], ...other };
}

/** A resource and its authorization server at one origin, but for the pages that are given. */
export function startGood(pages: (origin: string) => Record<string, Page> = () => ({})) {
  return startSite((origin) => ({
    [`${RESOURCE}/mcp`]: resource(origin),
    [OAUTH]: metadata(origin),
    ...pages(origin),
  }));
}

/** What a discovery is asked for beside the server. */
export interface Wish {
  settings?: OAuthSettings;
  challenge?: Challenge;
  deps?: Partial<DiscoveryDeps>;
}

function start(url: URL, { settings = {}, challenge, deps }: Wish) {
  const { log, lines } = memoryLog();
  const resolve = async () => ['127.0.0.1'];
  const fetch = createFetch(testClient());
  return {
    lines,
    result: discover({ url, settings, challenge }, { fetch, resolve, log, ...deps }),
  };
}

/** A discovery that must succeed, and its log without times. */
export async function found(url: URL, wish: Wish = {}): Promise<Discovery & { log: string[] }> {
  const { lines, result } = start(url, wish);
  return { ...(await result), log: lines.map((line) => line.slice(13).trimEnd()) };
}

/** The error of a discovery that must fail. */
export async function failure(url: URL, wish: Wish = {}): Promise<McpMasterError> {
  return start(url, wish).result.then(
    () => Promise.reject(new Error('the discovery succeeded')),
    (error: McpMasterError) => error,
  );
}
