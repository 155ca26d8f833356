import { isRemoteHttp } from '../../config/urls.ts';
import { McpMasterError } from '../../errors.ts';
import { createAddressGuard, type ResolveHost } from '../discovery/address-guard.ts';
import { shownUrl } from '../shown.ts';

/** The addresses that a server wants to be opened in a browser. */
export interface DevicePages {
  url: string;
  urlComplete: string | undefined;
}

/**
 * Sees that a person may be sent to these addresses: https, or http on this computer, without a user
 * name that could hide the host, and not into a network that the server that names them is not in
 * itself. Rejects with `INSECURE_URL` or `DISCOVERY_FAILED`.
 */
export async function checkDevicePages(
  { url, urlComplete }: DevicePages,
  endpoint: string,
  { resolve }: { resolve: ResolveHost },
): Promise<void> {
  const guard = await createAddressGuard(new URL(endpoint), resolve);
  await guard.check(browserUrl(url, 'verification_uri'));
  if (urlComplete === undefined) return;
  await guard.check(browserUrl(urlComplete, 'verification_uri_complete'));
}

function browserUrl(text: string, field: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url === undefined || !isWeb || isRemoteHttp(text)) {
    throw refused('INSECURE_URL', `${field} is "${shownUrl(text)}", and no https address`);
  }
  if (url.username !== '' || url.password !== '') {
    throw refused('DISCOVERY_FAILED', `${field} has a user name before ${url.host}`);
  }
  return url;
}

function refused(code: 'INSECURE_URL' | 'DISCOVERY_FAILED', why: string): McpMasterError {
  const message = `the login can not be shown: ${why}`;
  return new McpMasterError(code, message, {
    hint: 'Tell whoever runs the authorization server, or take `grant` out of its auth_config: then the login goes another way.',
  });
}
