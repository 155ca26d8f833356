import type { Context } from '../app/context.ts';
import { isoTime, untilExpiry } from '../app/times.ts';
import type { McpMasterError } from '../errors.ts';
import type { DeviceInvitation } from '../oauth/grants/device-code.ts';
import type { LoginFlags } from './auth-login.ts';
import type { LoginOutcome } from './login-one.ts';
import { createPaint, renderError } from './render.ts';
import { printable } from './text.ts';

/** Lets the code stand out on a terminal; a program gets it as it is. */
const INDENT = '    ';

/** What `auth login` prints: for people, or one JSON object a line. */
export interface LoginReport {
  /** The address to open, on a line of its own. */
  address(server: string, url: string): void;
  /** The address at which a code is to be entered, and the code, each on a line of its own. */
  code(server: string, invitation: DeviceInvitation): void;
  /** Something for people alone, on stderr. */
  say(text: string): void;
  ended(outcome: Exclude<LoginOutcome, { outcome: 'unproved' }>): void;
  /** @param server null where none was named */
  failed(server: string | null, error: McpMasterError): void;
}

/**
 * Results go to stdout, all else to stderr. Secrets are masked, but in the address: it has none of ours,
 * and with a part masked (a client id from a variable) it would be of no use.
 */
export function createLoginReport(context: Context, flags: LoginFlags): LoginReport {
  const { stdout, stderr, redactor } = context;
  const event = (value: object) => void stdout.write(`${JSON.stringify(value)}\n`);
  const redact = (text: string) => redactor.redact(text);
  return flags.json === true ? forPrograms(event, redact) : forPeople();

  function forPeople(): LoginReport {
    const paint = createPaint(context.terminal.stderr, context.env);
    const { bold } = createPaint(context.terminal.stdout, context.env);
    const say = (text: string) => void stderr.write(redactor.redact(text));
    return {
      address(server, url) {
        say(`Log in to ${paint.bold(server)} at this address:\n\n`);
        stdout.write(`${url}\n`);
        say('\n');
      },
      code(server, { url, urlComplete, userCode }) {
        say(`Log in to ${paint.bold(server)} at this address:\n\n`);
        stdout.write(`${url}\n`);
        say('\nand enter this code there:\n\n');
        stdout.write(`${context.terminal.stdout ? INDENT : ''}${bold(printable(userCode))}\n`);
        say('\n');
        if (urlComplete === undefined) return;
        say('Or open this address, which has the code in it:\n\n');
        stdout.write(`${urlComplete}\n`);
        say('\n');
      },
      say: (text) => {
        if (flags.quiet !== true) say(text);
      },
      ended: (outcome) => void stdout.write(`${sentence(outcome, context.now())}\n`),
      failed: (_, error) => say(renderError(error, paint)),
    };
  }
}

function forPrograms(
  event: (value: object) => void,
  redact: (text: string) => string,
): LoginReport {
  return {
    address: (server, url) => event({ event: 'authorization_url', server, url }),
    code: (server, { url, urlComplete = null, userCode, expiresAt }) =>
      event({
        ...{ event: 'device_code', server, url, url_complete: urlComplete },
        ...{ user_code: userCode, expires_at: isoTime(expiresAt) },
      }),
    say: () => undefined,
    ended(outcome) {
      const { server, tools } = outcome;
      if (outcome.outcome === 'not_needed') return event({ event: 'not_needed', server, tools });
      const { store, expiresAt, scopes } = outcome.login;
      const expires_at = isoTime(expiresAt);
      event({ event: 'logged_in', server, store, expires_at, scopes, tools });
    },
    failed: (server, { code, message, hint }) =>
      event({
        ...{ event: 'error', server, code, message: redact(message) },
        hint: hint === undefined ? null : redact(hint),
      }),
  };
}

const STORES = { keychain: 'in the keychain', file: 'in an encrypted file' };

function sentence(outcome: Exclude<LoginOutcome, { outcome: 'unproved' }>, now: number): string {
  const { server, tools } = outcome;
  const shown = tools === null ? undefined : `${tools} ${tools === 1 ? 'tool' : 'tools'}`;
  if (outcome.outcome === 'not_needed') return `${server} needs no login: it shows ${shown}.`;
  const { login, already, unattended } = outcome;
  const start = already ? `Already logged in to ${server}` : `Logged in to ${server}`;
  const renewed = login.hasRefreshToken || unattended;
  const expiry = untilExpiry({ ...login, hasRefreshToken: renewed }, now);
  const what = shown === undefined ? '' : ` ${shown};`;
  return `${start}:${what} the login is ${STORES[login.store]}; ${expiry}.`;
}
