import { createPaint } from './render.ts';
import { type Screen, type ShownStatus, type ShowOptions, statusText } from './status-text.ts';

/** Prints where logins stand; see {@link statusText}. */
export function showStatus(found: ShownStatus[], options: ShowOptions, screen: Screen): void {
  const paint = createPaint(screen.terminal.stdout, screen.env);
  screen.stdout.write(statusText(found, options, screen, paint));
}
