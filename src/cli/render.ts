import { Chalk } from 'chalk';
import type { Environment } from '../config/config.ts';
import type { McpMasterError } from '../errors.ts';
import {
  type Cell,
  type Paint,
  PLAIN,
  printable,
  renderTable,
  shortened,
  wantsColours,
  widthOf,
  wrap,
} from './text.ts';

export { type Cell, type Paint, printable, renderTable, shortened, widthOf, wrap };

/** Colours where a person sees them, as {@link wantsColours} says. */
export function createPaint(isTerminal: boolean, env: Environment): Paint {
  return wantsColours(isTerminal, env) ? new Chalk({ level: 1 }) : PLAIN;
}

/** An error for people: what happened, and the next step on a line of its own. */
export function renderError({ code, message, hint }: McpMasterError, paint: Paint): string {
  const next = hint === undefined ? '' : `  ${hint}\n`;
  return `${paint.red('error')} ${printable(message)} ${paint.dim(`(${code})`)}\n${printable(next)}`;
}
