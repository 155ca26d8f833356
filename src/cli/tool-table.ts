import type { Context } from '../app/context.ts';
import { counted } from '../app/times.ts';
import { createPaint } from './render.ts';
import { type Cell, printable, renderTable, shortened, widthOf } from './text.ts';
import type { ToolRow } from './tool-rows.ts';

/** What is left of a description that says something: with less room, the column SERVER goes. */
const LEAST_DESCRIPTION = 24;

const GAP = 2;

/** Tools as a table, with what they cost in all below. Descriptions take the rest of the terminal's lines. */
export function renderTools(
  rows: ToolRow[],
  context: Pick<Context, 'stdout' | 'terminal' | 'env'>,
): string {
  const paint = createPaint(context.terminal.stdout, context.env);
  const width = widthOf(context);
  const isNarrow = width - widthBeside(rows, COLUMNS) < LEAST_DESCRIPTION;
  const columns = isNarrow ? COLUMNS.filter(({ heading }) => heading !== 'SERVER') : COLUMNS;
  const most = Math.max(width - widthBeside(rows, columns), LEAST_DESCRIPTION);
  const cells = rows.map((row): Cell[] => [
    ...columns.map(({ cell }) => ({ text: cell(row) })),
    { text: shortened(oneLine(row.description ?? '-'), most) },
  ]);
  const headings = [...columns.map(({ heading }) => heading), 'DESCRIPTION'];
  return `${renderTable(headings, cells, paint)}\n${sumOf(rows)}\n`;
}

const COLUMNS: readonly { heading: string; cell(row: ToolRow): string }[] = [
  { heading: 'NAME', cell: ({ name }) => name },
  { heading: 'SERVER', cell: ({ server }) => server },
  { heading: 'TOKENS', cell: ({ tokens }) => inGroups(tokens) },
];

/** What these columns take of a line, gaps included. */
function widthBeside(rows: ToolRow[], columns: typeof COLUMNS): number {
  const widths = columns.map(({ heading, cell }) =>
    Math.max(heading.length, ...rows.map((row) => cell(row).length)),
  );
  return widths.reduce((sum, width) => sum + width + GAP, 0);
}

function sumOf(rows: ToolRow[]): string {
  const servers = new Set(rows.map(({ server }) => server)).size;
  const tokens = rows.reduce((sum, row) => sum + row.tokens, 0);
  const tools = `${inGroups(rows.length)} ${rows.length === 1 ? 'tool' : 'tools'}`;
  return `${tools} of ${counted(servers, 'server')}, about ${inGroups(tokens)} tokens`;
}

/** `9800` as `9,800`. */
function inGroups(number: number): string {
  return number.toLocaleString('en-US');
}

/** Foreign text has line breaks for those who read it as a whole. */
function oneLine(text: string): string {
  return printable(text.trim().replace(/\s+/g, ' '));
}
