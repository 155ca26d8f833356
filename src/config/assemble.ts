import type { Config, Problem, RejectedServer, ServerConfig } from './config.ts';
import { argumentCredentials } from './credentials.ts';
import type { Folders } from './endpoint.ts';
import { lookupIn } from './environment.ts';
import { type ConfigDeps, pathsOf } from './locate.ts';
import { describeMangled } from './mangled.ts';
import { masterResourceProblem } from './master.ts';
import { type NormaliseContext, normalise } from './normalise.ts';
import { Findings } from './problems.ts';
import { fileProblem, type ReadSource, readSource } from './read-source.ts';
import type { ResolveContext } from './resolve.ts';
import { readRootBlocks } from './root-blocks.ts';
import { type RawEntry, takeApart, UnusableRoot } from './shapes.ts';
import type { Source } from './source.ts';
import { exposed, isReadableByOthers, type Surroundings } from './surroundings.ts';

/** A file's configuration, when it is of any use, and all that is wrong with it. */
export interface Assembled {
  config: Config | undefined;
  problems: Problem[];
}

/** Reads a configuration file, in any of the accepted shapes. */
export async function assemble(
  file: string,
  surroundings: Surroundings,
  deps: ConfigDeps,
): Promise<Assembled> {
  const read = await readSource(file, deps.readFile);
  if ('problems' in read) return { config: undefined, problems: read.problems };
  const assembled = await assembleSource(file, read, surroundings, deps);
  const { located } = read.source;
  const isSilent = assembled.problems.length === surroundings.problems.length;
  if (located === undefined || isSilent) return assembled;
  return assembleSource(file, { ...read, source: await located() }, surroundings, deps);
}

async function assembleSource(
  file: string,
  read: ReadSource,
  surroundings: Surroundings,
  deps: ConfigDeps,
): Promise<Assembled> {
  const findings = new Findings(read.source);
  const parts = takeApart(read.source.root, findings);
  if (parts instanceof UnusableRoot) {
    return { config: undefined, problems: [await refuse(parts, read)] };
  }
  let literals = false;
  const context = contextOf(surroundings, deps, () => {
    literals = true;
  });
  const blocks = readRootBlocks(parts.blocks, findings, { ...context.resolve, tolerant: false });
  const entries = readEntries(parts.entries, read.source, { ...context, ...blocks });
  const problems = [...surroundings.problems, ...findings.problems, ...entries.problems];
  const mode = literals ? deps.stat(file)?.mode : undefined;
  if (mode !== undefined && isReadableByOthers(mode, deps.platform)) problems.push(exposed(file));
  problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const { servers, rejected } = entries;
  const secrets = [...new Set([...context.resolve.secrets, ...servers.flatMap(argumentSecrets)])];
  const { env, folder } = surroundings;
  return {
    config: { file, folder, servers, rejected, problems, ...blocks, secrets, env },
    problems,
  };
}

/** Keys of an entry at the root of a YAML file: mostly lost indentation, which can be mended. */
async function refuse(root: UnusableRoot, { source, text, yaml }: ReadSource): Promise<Problem> {
  const line = source.line(root.path);
  const { message, hint, path } = root;
  const problem = fileProblem({ line, message, hint });
  if (!yaml || !root.flattened || !/^\s*(servers|mcpServers):/m.test(text)) {
    return { ...problem, path: path.join('.') };
  }
  return { ...fileProblem(await describeMangled(text, line)), path: path.join('.') };
}

function contextOf(
  surroundings: Surroundings,
  deps: ConfigDeps,
  onLiteral: () => void,
): NormaliseContext {
  const folders: Folders = {
    path: pathsOf(deps.platform),
    base: surroundings.base,
    home: deps.homedir,
  };
  const resolve: NormaliseContext['resolve'] = {
    lookup: lookupIn(surroundings.env, deps.platform),
    secrets: new Set(surroundings.secrets),
    onLiteral,
  } satisfies Omit<ResolveContext, 'tolerant'>;
  return { folders, resolve };
}

interface Entries {
  servers: ServerConfig[];
  rejected: RejectedServer[];
  problems: Problem[];
}

function readEntries(
  entries: RawEntry[],
  source: Source,
  context: NormaliseContext & Pick<Config, 'masterOauth'>,
): Entries {
  const result: Entries = { servers: [], rejected: [], problems: [] };
  const names = new Map<string, RawEntry>();
  for (const entry of entries) {
    const findings = new Findings(source, entry.name);
    checkTwin(entry, findings, names);
    const server = normalise(entry, findings, context);
    const problem = server && masterResourceProblem(server, context.masterOauth);
    if (problem) findings.error(entry.path, problem.message, { hint: problem.hint });
    if (server && !findings.failed) result.servers.push(server);
    else result.rejected.push({ name: entry.name, problems: findings.problems });
    result.problems.push(...findings.problems);
  }
  return result;
}

function checkTwin(entry: RawEntry, findings: Findings, names: Map<string, RawEntry>): void {
  const { name, path } = entry;
  const twin = names.get(name.toLowerCase());
  if (!twin) {
    names.set(name.toLowerCase(), entry);
  } else if (twin.name === name) {
    const line = findings.line(twin.path) ?? '?';
    findings.error(path, `the name is taken by the entry on line ${line}`, {
      hint: 'Give one of them another name.',
    });
  } else {
    findings.warn(path, `its name differs from "${twin.name}" by upper and lower case alone`);
  }
}

function argumentSecrets({ endpoint }: ServerConfig): string[] {
  return endpoint.kind === 'stdio' ? argumentCredentials(endpoint.args) : [];
}
