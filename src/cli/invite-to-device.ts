import { inWords } from '../app/times.ts';
import type { DeviceInvitation } from '../oauth/grants/device-code.ts';
import { type InviteWork, openInBrowser } from './invite.ts';

const TICK_MS = 1000;

/** Moves to the start of the line and empties it. */
const NEW_LINE = '\r\u001b[K';

/**
 * Shows where the code is to be entered and the code itself, opens the browser unless nobody wants one
 * or there is none, and counts down meanwhile: the confirmation may happen on any device.
 */
export async function inviteToDevice(
  server: string,
  invitation: DeviceInvitation,
  work: InviteWork,
): Promise<void> {
  const { report } = work;
  const { url, urlComplete } = invitation;
  report.code(server, invitation);
  const opened = await openInBrowser(urlComplete ?? url, work);
  if (work.closing.aborted) return;
  const check = urlComplete === undefined ? '' : ' Check that it shows the same code.';
  report.say(
    opened ? `A browser was opened.${check}\n` : `Open it in a browser on any device.${check}\n`,
  );
  countDown(invitation, work);
}

/** On a terminal, a line that counts down; else one line that says how long it takes at most. */
function countDown(
  { expiresAt }: DeviceInvitation,
  { context, flags, report, closing }: InviteWork,
): void {
  const { terminal, now } = context;
  const deadline = Math.min(expiresAt, now() + flags.timeout * 1000);
  const left = () => inWords(deadline - now());
  if (!terminal.stderr || flags.json === true) {
    report.say(`Waiting for the confirmation, ${left()} at most.\n`);
    return;
  }
  // Short, since a line that wraps can't be written over.
  const show = () => report.say(`${NEW_LINE}Waiting, ${left()} left … `);
  const timer = setInterval(show, TICK_MS);
  closing.addEventListener('abort', () => {
    clearInterval(timer);
    report.say(NEW_LINE);
  });
  show();
}
