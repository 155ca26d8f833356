import type { Section } from './section.ts';
import type { Path } from './source.ts';

/** Whether a host is this computer itself (RFC 8252 §8.3, RFC 6761 §6.3). */
function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  if (host === 'localhost' || host.endsWith('.localhost') || host === '[::1]') return true;
  return /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Whether requests to a URL cross a network without encryption. */
export function isRemoteHttp(text: string): boolean {
  const url = parseUrl(text);
  return url !== undefined && url.protocol === 'http:' && !isLoopback(url.hostname);
}

/**
 * What is wrong with an address that requests are sent to; undefined when nothing is. Never quotes
 * the address, which may hold a secret.
 */
export function addressProblem(text: string): string | undefined {
  const url = parseUrl(text);
  if (!url || /\s/.test(text)) return 'expected a whole URL such as https://example.com/mcp';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `expected a URL with http or https, got ${url.protocol.slice(0, -1)}`;
  }
  if (url.username !== '' || url.password !== '') {
    return 'a URL can not carry a user name or a password';
  }
  if (text.includes('#')) return 'a URL to send requests to has no fragment (#…)';
  return undefined;
}

/**
 * Checks an address of an authorization server, which gets codes, tokens and client secrets: it must
 * be https or on this computer (OAuth 2.1 §1.5). Returns it when it is fine.
 */
export function secureAddress(
  section: Section,
  path: Path,
  text: string | undefined,
): string | undefined {
  if (text === undefined || section.isUnresolved(path)) return text;
  const problem = addressProblem(text);
  if (problem !== undefined) section.error(path, problem);
  else if (isRemoteHttp(text)) {
    section.error(path, 'tokens would cross the network without encryption', {
      code: 'INSECURE_URL',
      hint: 'Write https://. Only addresses on this computer may have http://.',
    });
  } else return text;
  return undefined;
}

/** What is wrong with a fixed redirect address; undefined when nothing is (RFC 8252 §7.3). */
export function redirectProblem(text: string): string | undefined {
  const url = parseUrl(text);
  if (addressProblem(text) === undefined && url?.protocol === 'http:' && isLoopback(url.hostname)) {
    if (url.port !== '') return undefined;
  }
  return 'expected an http URL on this computer with a port, such as http://localhost:3000/callback';
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
