import type { Context } from '../app/context.ts';
import { type GlobalFlags, noConfigurationError } from '../app/settings.ts';
import { counted } from '../app/times.ts';
import type { Problem } from '../config/config.ts';
import { checkConfig } from '../config/load.ts';
import { EXIT } from './exit-codes.ts';
import { notYet } from './not-yet.ts';
import { createPaint } from './render.ts';
import { type Paint, printable } from './text.ts';

/** `mcp-master config check [FILE]`: everything that is wrong with a configuration, at once. */
export async function configCheck(
  context: Context,
  named: string | undefined,
  flags: GlobalFlags,
): Promise<number> {
  const folders = context.findFolders(flags.profile);
  const file = named || flags.config || context.env['MCP_MASTER_CONFIG'] || undefined;
  const checked = await checkConfig({ file, folder: folders.config }, context.files);
  if (checked.file === undefined && checked.config !== undefined) {
    throw noConfigurationError(folders.config);
  }
  const problems = [...checked.problems, ...(checked.config ? notYet(checked.config) : [])];
  const servers = checked.config?.servers.length ?? 0;
  context.stdout.write(
    flags.json === true
      ? `${JSON.stringify({ file: checked.file ?? null, servers, problems: problems.map(asJson) }, null, 2)}\n`
      : render(checked.file ?? folders.config, servers, problems, context),
  );
  return problems.some(({ level }) => level === 'error') ? EXIT.usage : EXIT.done;
}

function asJson({ level, path, line, code, message, hint }: Problem): object {
  return { level, path, line: line ?? null, code, message, hint: hint ?? null };
}

function render(file: string, servers: number, problems: Problem[], context: Context): string {
  const paint = createPaint(context.terminal.stdout, context.env);
  const errors = problems.filter(({ level }) => level === 'error').length;
  const found = problems.map((problem) => renderProblem(file, problem, paint)).join('');
  const counts = [
    counted(servers, 'usable server'),
    counted(errors, 'error'),
    counted(problems.length - errors, 'warning'),
  ];
  return `${found}${file}: ${counts.join(', ')}\n`;
}

function renderProblem(file: string, problem: Problem, paint: Paint): string {
  const { level, path, line, code, message, hint } = problem;
  const where = line === undefined ? file : `${file}:${line}`;
  const colour = level === 'error' ? paint.red : paint.yellow;
  const next = hint === undefined ? '' : `${hint.replace(/^/gm, '  ')}\n`;
  const key = path === '' ? '' : `${paint.bold(path)}: `;
  return (
    printable(`${where}\n`) +
    `${colour(level)} ${key}${printable(message)} ${paint.dim(`(${code})`)}\n${printable(next)}\n`
  );
}
