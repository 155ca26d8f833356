/** Printing for people: colour only on a terminal that wants it, lines cut to its width. */
import { styleText } from 'node:util';

const MIN_WIDTH = 60;
const WIDTH_WITHOUT_TERMINAL = 100;

const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR;
const style = (format, text) => (coloured ? styleText(format, text) : text);

/** Prints a line. */
export function say(text = '') {
  process.stdout.write(`${text}\n`);
}

/** Prints a heading with an empty line before it. */
export function heading(text) {
  say(`\n${style('bold', text)}`);
}

/** Dims what is less important. */
export function dim(text) {
  return style('dim', text);
}

/** Prints JSON as a person would copy it. */
export function json(value) {
  say(JSON.stringify(value, null, 2));
}

/** Prints text indented by two, at most `most` lines of it. */
export function quote(text, most = 12) {
  const lines = text.trimEnd().split('\n');
  for (const line of lines.slice(0, most)) say(`  ${cut(line, width() - 2)}`);
  if (lines.length > most) say(dim(`  ... ${lines.length - most} more lines`));
}

/** Prints rows under a header; the last column is cut to the width of the terminal. */
export function table(header, rows) {
  const widths = header.map((_, at) => Math.max(...[header, ...rows].map((row) => row[at].length)));
  const fixed = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 0);
  const line = (row) =>
    row
      .map((cell, at) => {
        const isLast = at === row.length - 1;
        return isLast ? cut(cell, Math.max(10, width() - fixed)) : cell.padEnd(widths[at]);
      })
      .join('  ');
  say(style('bold', line(header)));
  for (const row of rows) say(line(row));
}

function width() {
  return Math.max(MIN_WIDTH, process.stdout.columns ?? WIDTH_WITHOUT_TERMINAL);
}

function cut(text, most) {
  const oneLine = text.replace(/[\r\n\t]+/g, ' ').trimEnd();
  const letters = [...oneLine];
  return letters.length <= most ? oneLine : `${letters.slice(0, most - 1).join('')}…`;
}
