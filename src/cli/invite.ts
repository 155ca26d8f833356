import { createInterface } from 'node:readline';
import { inWords } from '../app/times.ts';
import { type McpMasterError, toMcpMasterError } from '../errors.ts';
import type { Invitation } from '../oauth/grants/authorization-code.ts';
import type { LoginWork } from './login-one.ts';

const TICK_MS = 1000;

/** What {@link invite} works with; `closing` ends the waiting. */
export type InviteWork = LoginWork & { closing: AbortSignal };

/**
 * Shows the address of the provider, opens the browser unless nobody wants one or there is none, and
 * takes a pasted address meanwhile: over SSH and in containers the browser can't reach this computer.
 */
export async function invite(
  server: string,
  invitation: Invitation,
  work: InviteWork,
): Promise<void> {
  const { report } = work;
  report.address(server, invitation.url);
  const opened = await openInBrowser(invitation.url, work);
  report.say(opened ? 'A browser was opened.\n' : 'Open it in a browser.\n');
  waitForPaste(invitation, work);
}

/** Opens the browser unless nobody wants one. Resolves with whether it could be. */
export async function openInBrowser(
  url: string,
  { flags, context, workspace }: LoginWork,
): Promise<boolean> {
  if (!flags.browser) return false;
  const open = await context.createBrowser(workspace.config.env, workspace.log);
  return open !== undefined && (await open(url));
}

/** On a terminal, a line that counts down and takes an address; else one line that says what happens. */
function waitForPaste(
  invitation: Invitation,
  { context, flags, report, closing }: InviteWork,
): void {
  const { stdin, stderr, terminal, now, interrupt } = context;
  const left = `${inWords(flags.timeout * 1000)} at most`;
  if (!terminal.stdin || !terminal.stderr || flags.json === true) {
    report.say(`Waiting for the login, ${left}.\n`);
    return;
  }
  report.say(
    'Where the browser can not come back to this computer (SSH, containers), paste the address that it ends on.\n',
  );
  const deadline = now() + flags.timeout * 1000;
  const lines = createInterface({ input: stdin, output: stderr });
  const show = () => {
    lines.setPrompt(`Waiting for the login, ${inWords(deadline - now())} left: `);
    lines.prompt(true);
  };
  const timer = setInterval(show, TICK_MS);
  // Ctrl-D ends the input, not the waiting.
  lines.once('close', () => {
    clearInterval(timer);
    if (!closing.aborted)
      report.say('\nNothing can be pasted any more; the browser can still come back.\n');
  });
  lines.on('line', (line) => {
    if (line.trim() === '') return show();
    const error = tryAddress(invitation, unquoted(line));
    if (error !== undefined) report.say(`${error.message}. ${error.hint ?? ''}\n`);
  });
  // In raw mode the terminal hands Ctrl-C to us instead of to the process.
  lines.on('SIGINT', interrupt);
  closing.addEventListener('abort', () => {
    lines.close();
    stderr.write('\n');
  });
  show();
}

/** People copy addresses with the marks around them. */
function unquoted(line: string): string {
  return line.trim().replace(/^["'<]+|["'>]+$/g, '');
}

function tryAddress(invitation: Invitation, address: string): McpMasterError | undefined {
  try {
    invitation.submit(address);
    return undefined;
  } catch (error) {
    return toMcpMasterError(error);
  }
}
