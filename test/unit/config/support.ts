import { readFileSync } from 'node:fs';
import type { Config, Problem, ServerConfig } from '../../../src/config/config.ts';
import { type ConfigCheck, checkConfig } from '../../../src/config/load.ts';
import type { ConfigDeps } from '../../../src/config/locate.ts';

/** What a test says about the world; the rest is an empty Linux machine. */
export interface World {
  /** Paths -> contents. */
  files?: Record<string, string>;
  env?: Record<string, string>;
  mode?: number;
  platform?: string;
}

/** The doors of a {@link World}: files in memory. */
export function worldOf({ files = {}, env = {}, mode = 0o100600, platform = 'linux' }: World) {
  const deps: ConfigDeps = {
    readFile(path) {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return text;
    },
    stat: (path) => (Object.hasOwn(files, path) ? { mode, uid: 1000 } : undefined),
    env,
    platform,
    cwd: '/srv',
    homedir: '/home/ann',
  };
  return deps;
}

/** Checks one text as the configuration file `/etc/mm/config.<ending>`. */
export function check(text: string, ending = 'yaml', world: World = {}): Promise<ConfigCheck> {
  const file = `/etc/mm/config.${ending}`;
  const deps = worldOf({ ...world, files: { ...world.files, [file]: text } });
  return checkConfig({ folder: '/etc/mm' }, deps);
}

/** Checks one value as JSON. */
export function checkJson(value: unknown, world: World = {}): Promise<ConfigCheck> {
  return check(JSON.stringify(value, null, 2), 'json', world);
}

/** Checks one server's entry, called `x`, in a map. */
export function checkEntry(entry: unknown, env: Record<string, string> = {}) {
  return checkJson({ servers: { x: entry } }, { env });
}

/** The configuration of a file that must be of some use. */
export function configOf({ config }: ConfigCheck): Config {
  if (!config) throw new Error('the file was refused');
  return config;
}

/** The one server of a file that must have exactly one, and no errors. */
export function serverOf(result: ConfigCheck): ServerConfig {
  const errors = result.problems.filter(({ level }) => level === 'error');
  const [server, ...others] = configOf(result).servers;
  if (!server || others.length > 0 || errors.length > 0) {
    throw new Error(`expected one server and no errors, got ${JSON.stringify(errors)}`);
  }
  return server;
}

/** Problems as `error CONFIG_INVALID 3 servers[0].url: message`. */
export function lines(problems: readonly Problem[]): string[] {
  return problems.map(
    ({ level, code, line, path, message }) => `${level} ${code} ${line ?? '-'} ${path}: ${message}`,
  );
}

/** The errors of a check, as text. */
export function errors(result: ConfigCheck): string[] {
  return lines(result.problems.filter(({ level }) => level === 'error'));
}

/** The warnings of a check, as text. */
export function warnings(result: ConfigCheck): string[] {
  return lines(result.problems.filter(({ level }) => level === 'warning'));
}

/** An example of a source document, as it is printed there. */
export function seed(name: string): string {
  return readFileSync(new URL(`../../fixtures/config/seeds/${name}.txt`, import.meta.url), 'utf8');
}

/** Checks an example of a source document under its own kind of file. */
export function checkSeed(name: string, world: World = {}): Promise<ConfigCheck> {
  return check(seed(name), name.endsWith('.json') ? 'json' : 'yaml', world);
}

/** The text after the first blank line of a hint: a mended file. */
export function mendedForm({ problems }: ConfigCheck): string {
  const [, mended] = problems[0]?.hint?.split(/\n\n([\s\S]*)/) ?? [];
  if (mended === undefined) throw new Error('the hint has no mended form');
  return mended;
}
