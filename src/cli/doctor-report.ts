import type { Context } from '../app/context.ts';
import { counted } from '../app/times.ts';
import type { Finding } from './doctor-finding.ts';
import { createPaint } from './render.ts';
import { type Paint, printable, widthOf, wrap } from './text.ts';

/** Longer lines are hard to read, however wide the terminal is. */
const WIDEST = 110;
/** Narrower columns are of no use: the terminal may break lines as it likes. */
const NARROWEST = 30;

const MARKS = { ok: '✔', warning: '!', error: '✖' };

/** What people read: each finding on a line, server by server, and what to do at the end. */
export function renderFindings(
  findings: Finding[],
  context: Pick<Context, 'stdout' | 'terminal' | 'env'>,
): string {
  const paint = createPaint(context.terminal.stdout, context.env);
  const columns = widthOf(context);
  const width = Number.isFinite(columns) ? Math.min(columns, WIDEST) : columns;
  const column = Math.max(...findings.map(({ check }) => check.length));
  const servers = [...new Set(findings.map(({ server }) => server))];
  // What is about no server comes first.
  const sections = [null, ...servers.filter((server) => server !== null)].map((server) => {
    const own = findings.filter((finding) => finding.server === server);
    const lines = own.map((finding) => line(finding, { paint, width, column }));
    return `${paint.bold(server ?? 'mcp-master')}\n${lines.join('')}`;
  });
  return [...sections, ending(findings, paint, width)].join('\n');
}

interface Layout {
  paint: Paint;
  width: number;
  /** The width of the names of the checks. */
  column: number;
}

function line({ check, level, message }: Finding, { paint, width, column }: Layout): string {
  const colour = { ok: paint.green, warning: paint.yellow, error: paint.red }[level];
  const name = check.replaceAll('_', ' ').padEnd(column);
  const indent = ' '.repeat(column + 6);
  const text = wrap(printable(message), Math.max(width - indent.length, NARROWEST));
  return `  ${colour(MARKS[level])} ${paint.dim(name)}  ${text.join(`\n${indent}`)}\n`;
}

/** The steps for what is wrong, the errors' first, each once. */
function ending(findings: Finding[], paint: Paint, width: number): string {
  const errors = findings.filter(({ level }) => level === 'error');
  const warnings = findings.filter(({ level }) => level === 'warning');
  const wrong = [...errors, ...warnings];
  if (wrong.length === 0) return `${paint.green('All is well.')}\n`;
  const counts = [
    ...(errors.length > 0 ? [paint.red(counted(errors.length, 'error'))] : []),
    ...(warnings.length > 0 ? [paint.yellow(counted(warnings.length, 'warning'))] : []),
  ];
  const steps = wrong.flatMap(({ hint, server, check }) =>
    hint === null ? [] : [`${server ?? check.replaceAll('_', ' ')}: ${printable(hint)}`],
  );
  const lines = [...new Set(steps)].map((step) => `  ${wrap(step, width - 4).join('\n    ')}\n`);
  const next = lines.length === 0 ? '' : `\nNext:\n${lines.join('')}`;
  return `${counts.join(', ')}.\n${next}`;
}
