/** From quiet to talkative; a logger prints its own level and those before it. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where the program says what it does. Never stdout, which carries results or JSON-RPC. */
export interface Logger {
  error(message: string): void;
  warn(message: string): void;
  info(message: string): void;
  debug(message: string): void;
  /** The same log with a name (a server's) before each message. */
  named(name: string): Logger;
  /** Whether a message of this level is printed: spares building one that is not. */
  enabled(level: LogLevel): boolean;
}

/** Registered values shorter than this are not masked: masking `1` would blank out half a log. */
const SHORTEST_SECRET = 6;

const MASK = '***';

/** What follows the name of a scheme in sentences about it, such as "only Bearer tokens can be used". */
const SCHEME_WORDS =
  '(?:authentication|authorization|challenges?|credentials?|headers?|schemes?|tokens)';

/** A credential with its scheme (RFC 6750 §2.1, RFC 7617 §2): each whole word but those. */
const SCHEME_CREDENTIAL = new RegExp(
  `\\b(Bearer|Basic)\\s+(?!${SCHEME_WORDS}\\.?(?![\\w.~+/=-]))[\\w.~+/=-]{6,}`,
  'gi',
);

/** Credentials that give themselves away by their form, whether or not anybody registered them. */
const SECRET_FORMS: readonly [RegExp, string][] = [
  [SCHEME_CREDENTIAL, `$1 ${MASK}`],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, MASK],
  [
    /\b(access_token|refresh_token|id_token|client_secret|code_verifier|api_?key)(["']?\s*=\s*["']?|["']\s*:\s*["']|:)([^\s"'&,}]+)/gi,
    `$1$2${MASK}`,
  ],
  // `client_secret: the variable …` is a sentence of ours.
  [
    /\b(access_token|refresh_token|id_token|client_secret|code_verifier|api_?key)(:\s+)[^\s"'&,}]{12,}/gi,
    `$1$2${MASK}`,
  ],
  [/([?&]code=)[^\s&]+/g, `$1${MASK}`],
  [/(:\/\/)[^\s/@:]+:[^\s/@]+@/g, `$1${MASK}@`],
];

/** So many values that come and go, such as tokens, are remembered. */
const MOST_PASSING = 300;

/** Masks secrets in text that is about to be shown: registered values, and what looks like one. */
export class Redactor {
  /** The longest first: one may begin with another. */
  #secrets: string[] = [];
  /** The newest last. */
  readonly #passing = new Map<string, string[]>();

  /** Remembers a value that must never be shown; also in its JSON and URL-encoded forms. */
  add(secret: string): void {
    this.#secrets = longestFirst([...this.#secrets, ...formsOf(secret)]);
  }

  /** The same for a value that another one will take the place of: a token, a code. */
  addPassing(secret: string): void {
    this.#passing.delete(secret);
    this.#passing.set(secret, longestFirst(formsOf(secret)));
    const [oldest] = this.#passing.keys();
    if (this.#passing.size > MOST_PASSING && oldest !== undefined) this.#passing.delete(oldest);
  }

  /** The text with each secret replaced by `***`. */
  redact(text: string): string {
    let shown = text;
    for (const forms of [this.#secrets, ...this.#passing.values()]) {
      for (const form of forms) shown = shown.replaceAll(form, MASK);
    }
    for (const [form, mask] of SECRET_FORMS) shown = shown.replace(form, mask);
    return shown;
  }
}

/** A secret as it is, in JSON and in a URL; none of one that is too short to be masked. */
function formsOf(secret: string): string[] {
  if (secret.length < SHORTEST_SECRET) return [];
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
}

function longestFirst(forms: string[]): string[] {
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

/** What a {@link createLogger} needs from the world. */
export interface LogSink {
  level: LogLevel;
  /** Takes one line, with its line break. */
  write(line: string): void;
  redactor: Redactor;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** A logger that prints `time level [name] message`, one line a message, secrets masked. */
export function createLogger(sink: LogSink, name?: string): Logger {
  const enabled = (level: LogLevel) => LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(sink.level);
  const print = (level: LogLevel) => (message: string) => {
    if (!enabled(level)) return;
    const time = new Date(sink.now()).toISOString().slice(11, 23);
    const where = name === undefined ? '' : `[${name}] `;
    sink.write(`${time} ${level.padEnd(5)} ${where}${oneLine(sink.redactor.redact(message))}\n`);
  };
  return {
    error: print('error'),
    warn: print('warn'),
    info: print('info'),
    debug: print('debug'),
    named: (child) => createLogger(sink, name === undefined ? child : `${name}/${child}`),
    enabled,
  };
}

/** Line breaks and control characters of foreign text would forge log lines or drive a terminal. */
function oneLine(text: string): string {
  return text.replace(/\r?\n/g, ' ⏎ ').replace(/[\p{Cc}\p{Bidi_Control}]/gu, '·');
}
