import type { Config, Problem, ServerConfig } from '../config/config.ts';

/**
 * What a configuration asks for that this version does not do: said aloud, since a setting that is
 * accepted in silence is taken for one that works.
 */
export function notYet(config: Config): Problem[] {
  return config.servers.filter(({ enabled }) => enabled).flatMap(ofServer);
}

function ofServer({ name, endpoint, pin, secretRefs }: ServerConfig): Problem[] {
  const found: string[] = [];
  if (endpoint.kind !== 'stdio' && 'oauth' in endpoint.auth) {
    found.push(`${endpoint.auth.strategy}: it is reached without a token, since there is no login`);
  }
  if (pin !== 'warn') found.push(`pin: ${pin}: changes of its tools are not looked at`);
  if (secretRefs.length > 0)
    found.push('keyring: there is no store of secrets, so it will not start');
  return found.map((what) => ({
    level: 'warning',
    code: 'CONFIG_INVALID',
    path: '',
    line: undefined,
    message: `server ${name}: this version does not know ${what}`,
    hint: undefined,
  }));
}
