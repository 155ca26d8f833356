/** What a page of the login says. All of it is text: escaped when shown, `…` in backticks as code. */
export interface Page {
  /** The HTTP status. */
  status: number;
  tone: 'success' | 'error' | 'neutral';
  title: string;
  /** What happened, in one sentence. */
  text: string;
  /** What to do now, in one sentence. */
  next: string;
  /** Of an error, as in logs and in the troubleshooting page. */
  code?: string;
}

/**
 * Headers of every answer: addresses of the login hold codes and nonces, which must stay out of
 * caches and referrers (OAuth 2.1 §7.12), and no other page may frame, open or script these.
 */
export const PRIVATE_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
};

/** The page as an answer: one HTML document with its style in it, without scripts and other assets. */
export function renderPage(page: Page): Response {
  const nonce = crypto.randomUUID();
  const policy = [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return new Response(toHtml(page, nonce), {
    status: page.status,
    headers: {
      ...PRIVATE_HEADERS,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy.join('; '),
    },
  });
}

function toHtml({ tone, title, text, next, code }: Page, nonce: string): string {
  const shownCode = code === undefined ? '' : `\n<p class="code">${escapeHtml(code)}</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} · mcp-master</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<main class="${tone}">
<svg viewBox="0 0 24 24" width="44" height="44" aria-hidden="true">${ICONS[tone]}</svg>
<h1>${escapeHtml(title)}</h1>
<p>${toInline(text)}</p>
<p class="next">${toInline(next)}</p>${shownCode}
</main>
<footer>mcp-master</footer>
</body>
</html>
`;
}

function toInline(text: string): string {
  return escapeHtml(asSentence(text)).replace(/`([^`]+)`/g, '<code>$1</code>');
}

/** Messages of errors begin and end as parts of a line of the log do. */
function asSentence(text: string): string {
  const begun = text.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

const ICONS: Readonly<Record<Page['tone'], string>> = {
  success: '<circle cx="12" cy="12" r="10.5"/><path d="M7.5 12.5l3 3 6-6.5"/>',
  error: '<circle cx="12" cy="12" r="10.5"/><path d="M12 7v6M12 16.5v.01"/>',
  neutral: '<circle cx="12" cy="12" r="10.5"/><path d="M12 11v6M12 7.5v.01"/>',
};

const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f5f4f1; --card: #fff; --line: #e3e1db; --text: #1c1d21; --quiet: #5d5f68;
  --success: #17784a; --error: #b3261e; --neutral: #45568c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #141518; --card: #1d1f24; --line: #31343c; --text: #ececf0; --quiet: #a9abb5;
    --success: #5bcf97; --error: #ff938a; --neutral: #a4b5f5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; padding: 1.25rem;
  display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 1.25rem;
  background: var(--ground); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  overflow-wrap: anywhere;
}
main {
  width: 100%; max-width: 29rem; padding: 2.25rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
}
svg { display: block; fill: none; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round; }
.success svg { stroke: var(--success); }
.error svg { stroke: var(--error); }
.neutral svg { stroke: var(--neutral); }
h1 { margin: 1.1rem 0 .5rem; font-size: 1.45rem; line-height: 1.25; font-weight: 600; text-wrap: balance; }
p { margin: 0; }
.next { margin-top: 1.25rem; padding-top: 1.25rem; border-top: 1px solid var(--line); color: var(--quiet); }
code, .code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code {
  padding: .1em .4em; border-radius: .35em; background: var(--ground); color: var(--text);
  -webkit-box-decoration-break: clone; box-decoration-break: clone;
}
.code { margin-top: 1.25rem; color: var(--error); letter-spacing: .04em; }
footer { color: var(--quiet); font-size: .875rem; letter-spacing: .02em; }
@media (max-width: 30rem) { main { padding: 1.5rem; } }
@media (min-width: 30rem) { code { display: inline-block; max-width: 100%; padding-block: 0; } }
`;
