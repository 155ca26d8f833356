import { inWords } from '../app/times.ts';
import { requestHeaders } from '../auth/request-headers.ts';
import type { SecretRef, ServerConfig } from '../config/config.ts';
import { type Finding, fine, type Place, warning } from './doctor-finding.ts';

/** A token that ends within this time is worth a warning. */
const SOON_MS = 7 * 86_400_000;

/** Header, payload and signature of a JSON Web Token (RFC 7519 §3). */
const TOKEN = /\b(eyJ[\w-]+)\.([\w-]+)\.[\w-]*/;

/**
 * When the JSON Web Tokens end that the configuration sends to a server. Of a token nothing but its
 * payload's `exp` (RFC 7519 §4.1.4) is looked at, and nothing of it is shown.
 *
 * @param server with its stored secrets filled in
 */
export function checkCredentials(server: ServerConfig, now: number): Finding[] {
  const { endpoint, name } = server;
  if (endpoint.kind === 'stdio') return [];
  return Object.entries(requestHeaders(endpoint)).flatMap(([header, value]) => {
    const payload = payloadOf(value);
    if (payload === undefined) return [];
    const place: Place = { check: 'credential', server: name };
    return [
      judge(place, `the token in the header ${header}`, payload, hintFor(server, header), now),
    ];
  });
}

function judge(
  place: Place,
  what: string,
  { exp }: { exp?: unknown },
  hint: string,
  now: number,
): Finding {
  const end = typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined;
  if (end === undefined) return fine(place, `${what} does not say when it expires`);
  const left = end - now;
  if (left <= 0) {
    const message = `${what} has expired ${inWords(-left)} ago`;
    return { ...place, level: 'error', message, hint };
  }
  const message = `${what} expires in ${inWords(left)}`;
  return left <= SOON_MS ? warning(place, message, hint) : fine(place, message);
}

/** The payload of the first token in a header's value; undefined when there is none. */
function payloadOf(value: string): { exp?: unknown } | undefined {
  const [, header = '', payload = ''] = TOKEN.exec(value) ?? [];
  if (decode(header) === undefined) return undefined;
  return decode(payload);
}

function decode(part: string): object | undefined {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof decoded === 'object' && decoded !== null ? decoded : undefined;
  } catch {
    return undefined;
  }
}

function hintFor({ secretRefs }: ServerConfig, header: string): string {
  const ref = secretRefs.find((known) => fills(known, header));
  const where = ref === undefined ? 'into the configuration' : 'into the token store';
  const how = ref === undefined ? '.' : `: mcp-master secret set ${ref.name}`;
  return `Get a new token, and put it ${where}${how}`;
}

function fills({ target: [, block, key] }: SecretRef, header: string): boolean {
  return (block === 'headers' && key === header) || (block === 'auth' && key === 'key');
}
