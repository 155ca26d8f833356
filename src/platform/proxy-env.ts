import { BlockList, isIP, isIPv6 } from 'node:net';
import { McpMasterError } from '../errors.ts';

/** A company proxy, as `HTTP_PROXY` or `HTTPS_PROXY` names it. */
export interface CompanyProxy {
  /** `http:` or `https:`; may hold userinfo. */
  url: URL;
  /** For messages: `the proxy http://host:port`, without userinfo. */
  label: string;
}

/**
 * The proxy for requests to `url`: `HTTPS_PROXY` or `HTTP_PROXY` by its scheme, unless `NO_PROXY`
 * has its host; the lower-case names first, as in curl. None for this machine itself, where no
 * company proxy could reach. Throws `CONFIG_INVALID` for a value that names no HTTP proxy.
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv): CompanyProxy | undefined {
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const value = variable(env, name);
  if (value === '' || isLoopback(url) || bypasses(url, variable(env, 'no_proxy'))) return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy === undefined || !['http:', 'https:'].includes(proxy.protocol)) {
    const message = `${name.toUpperCase()} does not name an HTTP proxy`;
    const hint = `Set ${name.toUpperCase()} to http://host:port, or unset it.`;
    throw new McpMasterError('CONFIG_INVALID', message, { hint });
  }
  return { url: proxy, label: `the proxy ${proxy.origin}` };
}

function variable(env: NodeJS.ProcessEnv, name: string): string {
  return env[name] ?? env[name.toUpperCase()] ?? '';
}

/** The host of a URL, an IPv6 address without its brackets. */
export function bareHost(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

function isLoopback(url: URL): boolean {
  const host = bareHost(url);
  if (host === 'localhost' || host.endsWith('.localhost') || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** NO_PROXY as curl and Go read it: hosts with their subdomains, addresses, networks, `:port`, `*`. */
function bypasses(url: URL, list: string): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const entries = list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  return entries.some((entry) => {
    const [, host = entry, only] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
    return (only === undefined || only === port) && matches(bareHost(url), host);
  });
}

function matches(host: string, pattern: string): boolean {
  const bare = pattern.replace(/^\[(.*)\]$/, '$1').replace(/^\*?\./, '');
  if (bare === '*') return true;
  const network = /^(.+)\/(\d{1,3})$/.exec(bare);
  if (network !== null) return isIP(host) !== 0 && inNetwork(host, network[1], Number(network[2]));
  return host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`));
}

function inNetwork(host: string, network = '', bits: number): boolean {
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  if (isIP(network) === 0 || isIPv6(host) !== isIPv6(network)) return false;
  if (bits > (family === 'ipv6' ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family);
  return list.check(host, family);
}

/** The proxy wants a user and password, or other ones. */
export function proxyLoginError({ label }: CompanyProxy): McpMasterError {
  return new McpMasterError('BACKEND_EXITED', `${label} demands authentication (407)`, {
    hint: 'Put user and password into HTTPS_PROXY or HTTP_PROXY: http://user:password@host:port.',
  });
}
