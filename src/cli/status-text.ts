import type { Context } from '../app/context.ts';
import type { FoundStatus } from '../app/login-status.ts';
import { ago, inWords } from '../app/times.ts';
import { type Cell, type Paint, printable, renderTable, shortened, widthOf, wrap } from './text.ts';

/** A status, and a sentence that says what to do where no command does it. */
export type ShownStatus = FoundStatus & { advice?: string | undefined };

/** Where it is shown. */
export type Screen = Pick<Context, 'stdout' | 'terminal' | 'env' | 'now'>;

/** How it is shown. */
export interface ShowOptions {
  json?: boolean;
  /** Servers whose last errors a person has just read. */
  told?: ReadonlySet<string>;
}

/** Where logins stand: as JSON, or as a table with errors, advice and the next commands below. */
export function statusText(
  found: ShownStatus[],
  { json, told = new Set() }: ShowOptions,
  screen: Screen,
  paint: Paint,
): string {
  const statuses = found.map(({ status }) => status);
  if (json === true) return `${JSON.stringify(statuses, null, 2)}\n`;
  return tableOf(found, told, screen, paint);
}

function tableOf(
  found: ShownStatus[],
  told: ReadonlySet<string>,
  screen: Screen,
  paint: Paint,
): string {
  if (found.length === 0) return 'No server is configured.\n';
  const width = widthOf(screen);
  const lineWidth = width - INDENT.length;
  const errors = found.flatMap(({ status: { server, last_error: error }, advice = '' }) => {
    if (error === null || told.has(server)) return [];
    const [first = '', ...more] = wrap(`${server} ${printable(error)}`, lineWidth);
    const todo = advice === '' ? [] : wrap(printable(advice), lineWidth);
    const lines = [paint.bold(server) + first.slice(server.length), ...more, ...todo];
    return [`\n${lines.join(`\n${INDENT}`)}\n`];
  });
  const commands = found.flatMap(({ status, advice }) =>
    advice === undefined ? (status.next ?? []) : [],
  );
  const next = new Set(commands);
  const todo = next.size === 0 ? '' : `\nNext:\n${[...next].map((line) => `  ${line}\n`).join('')}`;
  return renderColumns(columnsOf(found, screen, paint), width, paint) + errors.join('') + todo;
}

const INDENT = '  ';
const MOST_SCOPES = 60;
const LEAST_SCOPES = 8;

interface Column {
  heading: string;
  cells: Cell[];
}

function columnsOf(found: FoundStatus[], { now }: Screen, paint: Paint): Column[] {
  const column = (heading: string, cell: (one: FoundStatus) => Cell | string): Column => {
    const cells = found.map(cell).map((made) => (typeof made === 'string' ? { text: made } : made));
    return { heading, cells };
  };
  const colours = {
    logged_in: paint.green,
    expired: paint.red,
    login_required: paint.yellow,
    not_needed: paint.dim,
    locked: paint.red,
    error: paint.red,
  };
  return [
    column('SERVER', ({ status }) => status.server),
    column('STRATEGY', ({ status }) => status.strategy),
    column('STATE', ({ status: { state } }) => {
      return { text: state.replace('_', ' '), paint: colours[state] };
    }),
    column('STORE', ({ status }) => status.store ?? '-'),
    column('EXPIRES', ({ entry }) => (entry === undefined ? '-' : expiry(entry.expiresAt, now()))),
    column('REFRESH', ({ entry }) => (entry && (entry.hasRefreshToken ? 'yes' : 'no')) ?? '-'),
    column('LAST USED', ({ record }) =>
      record?.lastUsedAt === undefined ? '-' : ago(record.lastUsedAt, now()),
    ),
    column('SCOPES', ({ status }) => printable(status.scopes?.join(' ') || '-')),
  ];
}

/** What a narrow terminal has no room for, the first to go first: all of it is in the JSON. */
const DISPENSABLE = ['LAST USED', 'SCOPES', 'STRATEGY', 'STORE', 'REFRESH'];

function renderColumns(all: Column[], width: number, paint: Paint): string {
  let columns = all;
  for (const heading of DISPENSABLE) {
    if (leastWidth(columns) <= width) break;
    columns = columns.filter((column) => column.heading !== heading);
  }
  const left = LEAST_SCOPES + width - leastWidth(columns);
  const shown = columns.map((column) =>
    column.heading === 'SCOPES' ? cutColumn(column, Math.min(left, MOST_SCOPES)) : column,
  );
  const rows = all[0]?.cells.map((_, row) => shown.map(({ cells }) => cells[row] ?? { text: '' }));
  return renderTable(
    shown.map(({ heading }) => heading),
    rows ?? [],
    paint,
  );
}

/** Of a line, with gaps of two between the columns. */
function leastWidth(columns: Column[]): number {
  const widths = columns.map(({ heading, cells }) => {
    if (heading === 'SCOPES') return LEAST_SCOPES;
    return Math.max(heading.length, ...cells.map(({ text }) => text.length));
  });
  return widths.reduce((sum, width) => sum + width + 2, -2);
}

function cutColumn({ heading, cells }: Column, most: number): Column {
  const cut = cells.map((cell) => ({ ...cell, text: shortened(cell.text, most) }));
  return { heading, cells: cut };
}

function expiry(expiresAt: number | undefined, now: number): string {
  if (expiresAt === undefined) return 'unknown';
  const left = expiresAt - now;
  return left > 0 ? `in ${inWords(left)}` : `${inWords(-left)} ago`;
}
