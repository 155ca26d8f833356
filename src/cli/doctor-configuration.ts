import { counted } from '../app/times.ts';
import type { Problem } from '../config/config.ts';
import type { ConfigCheck } from '../config/load.ts';
import { type Finding, fine } from './doctor-finding.ts';
import { notYet } from './not-yet.ts';

/** What `config check` finds; of one server, where one is named, beside what is about no server. */
export function checkConfiguration(checked: ConfigCheck, only: string | undefined): Finding[] {
  const { config, file = '' } = checked;
  const problems = [...checked.problems, ...(config === undefined ? [] : notYet(config))];
  const all = problems.map((problem) => findingOf(problem, file));
  const findings = all.filter(
    ({ server }) => only === undefined || server === null || server === only,
  );
  if (findings.length > 0) return findings;
  const message =
    only === undefined
      ? `${counted(config?.servers.length ?? 0, 'server')}, no problem`
      : noProblemOf(only, all.length);
  return [fine({ check: 'configuration', server: null }, `${file}: ${message}`)];
}

/** What is true of one server only must not pass for the whole file. */
function noProblemOf(server: string, others: number): string {
  const found = `no problem with "${server}", or with what all servers share`;
  return others === 0 ? found : `${found}; not shown: ${counted(others, 'problem')} of others`;
}

function findingOf(problem: Problem, file: string): Finding {
  const { level, path, line, code, message, hint = null, server = null } = problem;
  const where = line === undefined ? file : `${file}:${line}`;
  const key = path === '' ? '' : `${path}: `;
  // Of a server, the message has its key.
  const own = server === null ? key + message : message.slice(`server ${server}: `.length);
  const text = `${where}: ${own} (${code})`;
  return { check: 'configuration', server, level, message: text, hint };
}
