import type { Config } from '../config/config.ts';

/** A server's own instructions. */
export interface ServerInstructions {
  server: string;
  /** Undefined where it says nothing. */
  instructions: string | undefined;
}

/**
 * The `instructions` of the joined server: what each server says of itself under its name, and what
 * is wrong with the configuration, since many clients show their user nothing else.
 */
export function joinInstructions(
  config: Config,
  servers: ServerInstructions[],
): string | undefined {
  const parts = [...configNotes(config)];
  for (const { server, instructions } of servers) {
    if (instructions !== undefined) parts.push(`# ${server}\n\n${instructions}`);
  }
  return parts.length === 0 ? undefined : parts.join('\n\n');
}

function configNotes(config: Config): string[] {
  if (config.file === undefined) return [noConfiguration(config.folder)];
  const notes = config.rejected.map(({ name, problems }) => {
    const reasons = problems.map(({ message, hint }) => (hint ? `${message} ${hint}` : message));
    return `- ${name}: ${reasons.join(' ')}`;
  });
  if (notes.length > 0) {
    return [
      `These servers are not available, because of mistakes in ${config.file}:\n${notes.join('\n')}`,
    ];
  }
  return config.servers.length === 0 ? [`No server is configured in ${config.file}.`] : [];
}

/** What to do without any configuration, for people. */
export function noConfiguration(folder: string): string {
  return `mcp-master has no configuration yet, so it offers no tools. Write ${folder}/config.yaml with a list of servers (or name a file with --config), then start it again.`;
}
