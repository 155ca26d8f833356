import type { Context } from '../app/context.ts';
import type { GlobalFlags } from '../app/settings.ts';
import { openConfigured } from '../app/workspace.ts';
import type { Config, RejectedServer } from '../config/config.ts';
import type { Redactor } from '../log.ts';
import { EXIT } from './exit-codes.ts';
import { inspectServer, NOTHING_KNOWN, type ServerReport } from './inspect-server.ts';
import { createPaint } from './render.ts';
import { unknownServer } from './select.ts';
import { type Paint, printable, renderTable } from './text.ts';

/** The flags of `list`. */
export interface ListFlags extends GlobalFlags {
  server?: string;
}

/** `mcp-master list`: connects to each server at once and tells where it stands. */
export async function list(context: Context, flags: ListFlags): Promise<number> {
  const workspace = await openConfigured(context, flags);
  const { config } = workspace;
  const names = [...config.servers, ...config.rejected].map(({ name }) => name);
  const { server: only } = flags;
  if (only !== undefined && !names.includes(only)) throw unknownServer(only, names);
  const wanted = ({ name }: { name: string }) => only === undefined || name === only;
  const reports = await Promise.all([
    ...config.servers.filter(wanted).map((server) => inspectServer(server, context, workspace)),
    ...config.rejected.filter(wanted).map(rejection),
  ]);
  await workspace.close();
  const shown = reports.map((report) => redacted(report, context.redactor));
  context.stdout.write(
    flags.json === true
      ? `${JSON.stringify(shown, null, 2)}\n`
      : renderReports(shown, config, context),
  );
  const fine = reports.every(({ state }) => state === 'ready' || state === 'disabled');
  return fine ? EXIT.done : EXIT.failed;
}

function rejection({ name, problems }: RejectedServer): ServerReport {
  const errors = problems.filter(({ level }) => level === 'error');
  const error = {
    code: errors[0]?.code ?? 'CONFIG_INVALID',
    message: errors.map(({ message }) => message).join('; '),
    hint: errors[0]?.hint ?? null,
  };
  return { ...NOTHING_KNOWN, server: name, transport: 'unknown', state: 'error', error };
}

function redacted(report: ServerReport, redactor: Redactor): ServerReport {
  if (report.error === null) return report;
  const { code, message, hint } = report.error;
  const masked = (text: string) => redactor.redact(text);
  return { ...report, error: { code, message: masked(message), hint: hint && masked(hint) } };
}

function renderReports(reports: ServerReport[], config: Config, context: Context): string {
  const paint = createPaint(context.terminal.stdout, context.env);
  if (reports.length === 0) return `No server is configured in ${config.file ?? config.folder}.\n`;
  const colours = {
    ready: paint.green,
    login_required: paint.yellow,
    error: paint.red,
    disabled: paint.dim,
  };
  const rows = reports.map((report) => [
    { text: report.server },
    { text: report.transport },
    { text: report.state.replace('_', ' '), paint: colours[report.state] },
    ...[report.tools, report.resources, report.prompts, report.ms].map((value) => ({
      text: value === null ? '-' : String(value),
    })),
  ]);
  const headings = ['SERVER', 'TRANSPORT', 'STATE', 'TOOLS', 'RESOURCES', 'PROMPTS', 'MS'];
  const notes = reports.flatMap((report) => renderNotes(report, paint));
  return renderTable(headings, rows, paint) + notes.join('');
}

function renderNotes({ server, error, left_out: leftOut }: ServerReport, paint: Paint): string[] {
  const notes = leftOut.map(
    ({ tool, reason }) =>
      `\n${paint.bold(server)} tool ${printable(tool)} is left out: ${printable(reason)}\n`,
  );
  if (error === null) return notes;
  const next = error.hint === null ? '' : `\n  ${printable(error.hint)}`;
  const text = `${printable(error.message)} ${paint.dim(`(${error.code})`)}${next}`;
  return [...notes, `\n${paint.bold(server)} ${text}\n`];
}
