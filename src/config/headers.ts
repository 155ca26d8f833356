import { isCredentialName } from './credentials.ts';
import type { Section } from './section.ts';

/** The transport sets these itself; a second value would break it. */
const OWNED = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'last-event-id',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;

/** A scheme with nothing after it. */
const BARE_SCHEME = /^(bearer|basic|token|digest|apikey)\s*$/i;

/** `Bearer env:NAME`: the reference is not the whole value. */
const LATE_REFERENCE = /^[\w-]+\s+(env|keyring):[\w.-]+$/;

/** Whether a header belongs to the transport (MCP specification, Streamable HTTP). */
export function isOwnedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return OWNED.has(lower) || lower.startsWith('mcp-');
}

/** Whether a text is the name of a header. */
export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

/** What is wrong with the value of a header, without quoting it; undefined when nothing is. */
export function headerValueProblem(value: string): string | undefined {
  // Code points, because linters refuse control characters in regular expressions.
  for (const character of value) {
    const code = character.codePointAt(0) ?? 0;
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) {
      return 'a header can not have line breaks or control characters';
    }
    if (code > 0xff) return 'a header can only have Latin-1 characters';
  }
  return undefined;
}

/** The headers that are sent: checked, without those that the transport owns. */
export function readHeaders(
  section: Section,
  given: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const kept = new Map<string, [string, string]>();
  for (const [name, value] of Object.entries(given)) {
    const path = ['headers', name];
    const twin = kept.get(name.toLowerCase());
    if (!isHeaderName(name)) {
      section.error(path, "expected a header's name: letters, digits and -, no blanks");
    } else if (isOwnedHeader(name)) {
      section.warn(path, 'left out: the transport sets this header itself', {
        hint: 'Take it out of the configuration.',
      });
    } else if (twin) {
      section.error(path, `the same header as "${twin[0]}"`, { hint: 'Keep one of them.' });
    } else {
      kept.set(name.toLowerCase(), [name, value]);
      checkValue(section, name, value);
    }
  }
  return Object.fromEntries(kept.values());
}

/** The name, as it is written, of the header with a given lower-case name. */
export function findHeader(
  headers: Readonly<Record<string, string>>,
  lowerName: string,
): string | undefined {
  return Object.keys(headers).find((name) => name.toLowerCase() === lowerName);
}

/** The first header that most likely holds a credential. */
export function credentialHeader(headers: Readonly<Record<string, string>>): string | undefined {
  return Object.keys(headers).find(isCredentialName);
}

function checkValue(section: Section, name: string, value: string): void {
  const path = ['headers', name];
  if (section.isUnresolved(path)) return;
  const problem = headerValueProblem(value);
  if (problem !== undefined) section.error(path, problem);
  else if (name.toLowerCase() === 'authorization' && BARE_SCHEME.test(value)) {
    section.error(path, 'there is a scheme, but no credential after it');
  } else if (LATE_REFERENCE.test(value)) {
    section.warn(
      path,
      'env: and keyring: have no meaning after other text, and are sent as they are',
      {
        hint: `Write "\${NAME}" there, or use api_key: { key: keyring:NAME }, which sends "Bearer …".`,
      },
    );
  }
}
