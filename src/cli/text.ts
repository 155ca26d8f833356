import type { Context } from '../app/context.ts';
import type { Environment } from '../config/config.ts';

/** How a text is painted. */
type Painter = (text: string) => string;

/** Colours for one stream. */
export interface Paint {
  bold: Painter;
  dim: Painter;
  green: Painter;
  red: Painter;
  yellow: Painter;
}

/** What is not painted: nothing has to be loaded for it. */
export const PLAIN: Paint = { bold: plain, dim: plain, green: plain, red: plain, yellow: plain };

/** Whether a person sees colours: on a terminal, unless `NO_COLOR` says no (no-color.org). */
export function wantsColours(isTerminal: boolean, env: Environment): boolean {
  return isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** The characters of a line on stdout; without end where no person reads there. */
export function widthOf({ stdout, terminal }: Pick<Context, 'stdout' | 'terminal'>): number {
  const { columns = 0 } = stdout;
  return terminal.stdout && columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

/** Lines of at most `width` characters; longer words, such as paths, stay whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let current = '';
    for (const word of paragraph.split(' ')) {
      const longer = current === '' ? word : `${current} ${word}`;
      if (longer.length > width && current !== '') {
        lines.push(current);
        current = word;
      } else current = longer;
    }
    lines.push(current);
  }
  return lines;
}

/** A text of one line, cut to at most `most` characters; what is missing shows as `…`. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  // Half of a character that takes two places would be shown as a mark of its own.
  return `${text.slice(0, most - 1).replace(/\p{Surrogate}$/u, '')}…`;
}

/** A cell of a table: its text, and how it is painted once it has its width. */
export interface Cell {
  text: string;
  paint?: Painter | undefined;
}

const GAP = '  ';

/** Lines of aligned columns under their headings; the last column takes what it needs. */
export function renderTable(headings: string[], rows: Cell[][], paint: Paint): string {
  const head = headings.map((text): Cell => ({ text, paint: paint.bold }));
  const all = [head, ...rows];
  const widths = headings.map((_, at) => Math.max(...all.map((row) => row[at]?.text.length ?? 0)));
  const line = (row: Cell[]) =>
    row
      .map(({ text, paint: colour = plain }, at) => {
        const isLast = at === row.length - 1;
        return colour(isLast ? text : text.padEnd(widths[at] ?? 0));
      })
      .join(GAP)
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

/** Foreign text without what would drive a terminal: control characters but line breaks and tabs,
 * and what turns the direction of writing. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|\p{Bidi_Control}/gu, '�');
}

function plain(text: string): string {
  return text;
}
