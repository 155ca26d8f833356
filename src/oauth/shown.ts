/** Characters of foreign text that a message shows. */
const EXCERPT = 200;

/** Foreign text for a message: one line, without control characters, 200 characters at most. */
export function excerpt(text: string): string {
  const line = text
    .slice(0, 8 * EXCERPT)
    .replace(/[\s\p{Cc}\p{Bidi_Control}]+/gu, ' ')
    .trim();
  return line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line;
}

/**
 * A URL for a message or the log: as it was written, but without query, fragment and userinfo, which
 * may hold a secret.
 */
export function shownUrl(url: URL | string): string {
  const text = String(url).slice(0, 8 * EXCERPT);
  return excerpt(text.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//'));
}
