import { Chalk } from 'chalk';
import type { Environment } from '../config/config.ts';
import type { McpMasterError } from '../errors.ts';
import { type Paint, PLAIN, printable, wantsColours } from './text.ts';

/** Colours where a person sees them, as {@link wantsColours} says. */
export function createPaint(isTerminal: boolean, env: Environment): Paint {
  return wantsColours(isTerminal, env) ? new Chalk({ level: 1 }) : PLAIN;
}

/** An error for people: what happened, and the next step on a line of its own. */
export function renderError({ code, message, hint }: McpMasterError, paint: Paint): string {
  const next = hint === undefined ? '' : `  ${hint}\n`;
  return `${paint.red('error')} ${printable(message)} ${paint.dim(`(${code})`)}\n${printable(next)}`;
}
