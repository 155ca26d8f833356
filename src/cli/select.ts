import { closest, distance } from 'fastest-levenshtein';
import { McpMasterError } from '../errors.ts';

/** A name in a message with the nearest of those that exist, if one is near. */
export function nearest(name: string, known: string[]): string | undefined {
  if (known.length === 0) return undefined;
  const near = closest(name, known);
  return distance(name, near) <= Math.max(2, name.length / 2) ? near : undefined;
}

/** The error for a server that the configuration does not have. */
export function unknownServer(name: string, known: string[]): McpMasterError {
  const near = nearest(name, known);
  const hint =
    known.length === 0
      ? 'No server is configured.'
      : `${near === undefined ? '' : `Did you mean "${near}"? `}The servers are: ${known.join(', ')}.`;
  return new McpMasterError('UNKNOWN_SERVER', `there is no server "${name}"`, { hint });
}
