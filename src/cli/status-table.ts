import type { AuthRecord } from '../oauth/store/auth-record.ts';
import type { Context } from './context.ts';
import type { FoundStatus } from './login-status.ts';
import { type Cell, createPaint, type Paint, printable, renderTable, widthOf } from './render.ts';
import { ago, inWords } from './times.ts';

/** Prints where logins stand: as JSON, or as a table with the next commands below. */
export function showStatus(
  found: FoundStatus[],
  { json }: { json?: boolean },
  context: Context,
): void {
  const statuses = found.map(({ status }) => status);
  const text = json === true ? `${JSON.stringify(statuses, null, 2)}\n` : render(found, context);
  context.stdout.write(text);
}

function render(found: FoundStatus[], context: Context): string {
  if (found.length === 0) return 'No server is configured.\n';
  const paint = createPaint(context.terminal.stdout, context.env);
  const errors = found.flatMap(({ status }) =>
    status.last_error === null
      ? []
      : [`\n${paint.bold(status.server)} ${printable(status.last_error)}\n`],
  );
  const next = found.flatMap(({ status }) => (status.next === null ? [] : [`  ${status.next}\n`]));
  const todo = next.length === 0 ? '' : `\nNext:\n${next.join('')}`;
  return table(found, context, paint) + errors.join('') + todo;
}

const HEADINGS = ['SERVER', 'STRATEGY', 'STATE', 'STORE', 'EXPIRES', 'REFRESH'];

/** With the times of the last use where they leave room for the scopes. */
function table(found: FoundStatus[], context: Context, paint: Paint): string {
  const now = context.now();
  const width = widthOf(context);
  const rows = found.map((one) => cellsOf(one, now, paint));
  const withUses = rows.map((row, at) => [...row, { text: lastUse(found[at]?.record, now) }]);
  const hasRoom = width - lengthOf([...HEADINGS, 'LAST USED'], withUses) >= LEAST_SCOPES;
  const headings = hasRoom ? [...HEADINGS, 'LAST USED'] : HEADINGS;
  const columns = hasRoom ? withUses : rows;
  const left = Math.max(Math.min(width - lengthOf(headings, columns), MOST_SCOPES), LEAST_SCOPES);
  const whole = columns.map((row, at) => {
    const scopes = printable(found[at]?.status.scopes?.join(' ') || '-');
    return [...row, { text: shortened(scopes, left) }];
  });
  return renderTable([...headings, 'SCOPES'], whole, paint);
}

const MOST_SCOPES = 60;
const LEAST_SCOPES = 8;

function cellsOf({ status, entry }: FoundStatus, now: number, paint: Paint): Cell[] {
  const colours = {
    logged_in: paint.green,
    expired: paint.red,
    login_required: paint.yellow,
    not_needed: paint.dim,
    locked: paint.red,
    error: paint.red,
  };
  return [
    { text: status.server },
    { text: status.strategy },
    { text: status.state.replace('_', ' '), paint: colours[status.state] },
    { text: status.store ?? '-' },
    { text: entry === undefined ? '-' : expiry(entry.expiresAt, now) },
    { text: status.has_refresh_token === null ? '-' : status.has_refresh_token ? 'yes' : 'no' },
  ];
}

function lastUse(record: AuthRecord | undefined, now: number): string {
  return record?.lastUsedAt === undefined ? '-' : ago(record.lastUsedAt, now);
}

/** The characters of a line of these columns, with the gap after each. */
function lengthOf(headings: string[], rows: Cell[][]): number {
  return headings.reduce((sum, heading, at) => {
    const texts = [heading, ...rows.map((row) => row[at]?.text ?? '')];
    return sum + Math.max(...texts.map(({ length }) => length)) + 2;
  }, 0);
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function expiry(expiresAt: number | undefined, now: number): string {
  if (expiresAt === undefined) return 'unknown';
  const left = expiresAt - now;
  return left > 0 ? `in ${inWords(left)}` : `${inWords(-left)} ago`;
}
