import { didYouMean } from '../config/suggest.ts';
import { McpMasterError } from '../errors.ts';

/** The error for a server that the configuration does not have. */
export function unknownServer(name: string, known: string[]): McpMasterError {
  const guess = didYouMean(name, known);
  const all =
    known.length === 0 ? 'No server is configured.' : `The servers are: ${known.join(', ')}.`;
  const hint = guess === undefined ? all : `${guess} ${all}`;
  return new McpMasterError('UNKNOWN_SERVER', `there is no server "${name}"`, { hint });
}
