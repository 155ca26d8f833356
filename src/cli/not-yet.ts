import type { Config, Problem, ServerConfig } from '../config/config.ts';

/**
 * What a configuration asks for that this version does not do: said aloud, since a setting that is
 * accepted in silence is taken for one that works.
 */
export function notYet(config: Config): Problem[] {
  return config.servers.filter(({ enabled }) => enabled).flatMap(ofServer);
}

function ofServer({ name, pin }: ServerConfig): Problem[] {
  const found: string[] = [];
  if (pin !== 'warn') found.push(`pin: ${pin}: changes of its tools are not looked at`);
  return found.map((what) => ({
    level: 'warning',
    code: 'CONFIG_INVALID',
    path: '',
    line: undefined,
    message: `server ${name}: this version does not know ${what}`,
    hint: undefined,
    server: name,
  }));
}
