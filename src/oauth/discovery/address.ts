import { addressProblem, isRemoteHttp } from '../../config/urls.ts';
import { McpMasterError } from '../../errors.ts';
import { shownUrl } from '../shown.ts';

/**
 * An address that `field` of a server's answer names, as a URL. Throws `INSECURE_URL` unless it is
 * https, or http on this computer (OAuth 2.1 §1.5; `javascript:` and `file:` are neither), and
 * `DISCOVERY_FAILED` when it is no URL, or has userinfo or a fragment.
 */
export function secureUrl(text: string, field: string): URL {
  const problem = addressProblem(text);
  if (problem === undefined && !isRemoteHttp(text)) return new URL(text);
  const insecure = URL.canParse(text) && new URL(text).protocol !== 'https:';
  const why = problem ?? 'codes and tokens would cross the network without encryption';
  throw new McpMasterError(
    insecure ? 'INSECURE_URL' : 'DISCOVERY_FAILED',
    `${field} is "${shownUrl(text)}": ${why}`,
    {
      hint: 'Tell whoever runs the server, or set `authorization_endpoint` and `token_endpoint` to https addresses.',
    },
  );
}
