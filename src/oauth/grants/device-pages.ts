import type { OAuthSettings } from '../../config/config.ts';
import { isRemoteHttp } from '../../config/urls.ts';
import { McpMasterError } from '../../errors.ts';
import { createAddressGuard, type ResolveHost } from '../discovery/address-guard.ts';
import { excerpt, shownUrl } from '../shown.ts';

/** What a server wants to be shown to a person. */
export interface DevicePages {
  url: string;
  urlComplete: string | undefined;
  userCode: string;
}

/** Who names the addresses. */
export interface DeviceEndpoint {
  /** The device authorization endpoint. */
  endpoint: string;
  settings: Pick<OAuthSettings, 'deviceAuthorizationEndpoint'>;
}

const GUARD_HINT =
  'If that address is right, set `device_authorization_endpoint` in its auth_config: what an endpoint of your own names is trusted. Else take `grant` out of it: then the login goes another way.';

/** Nobody could see where a longer one leads. */
const LONGEST_URL = 2000;

/** What is easily typed (RFC 8628 §6.1), and can't be taken for an address or a sentence. */
const USER_CODE = /^[\w-]{1,64}$/;

/**
 * Sees that these may be shown to a person, and resolves with what to show, all of it printable ASCII:
 * addresses with https, or http on this computer, as a browser reads them, without a user name that could
 * hide the host; and, unless the user named the server's endpoint himself, not in a network that the
 * endpoint is not in. Rejects with `INSECURE_URL`, `DISCOVERY_FAILED`, or `TOKEN_REQUEST_FAILED` for a
 * code that can't be shown.
 */
export async function checkDevicePages(
  { url, urlComplete, userCode }: DevicePages,
  { endpoint, settings }: DeviceEndpoint,
  { resolve }: { resolve: ResolveHost },
): Promise<DevicePages> {
  const page = browserUrl(url, 'verification_uri');
  const complete =
    urlComplete === undefined ? undefined : browserUrl(urlComplete, 'verification_uri_complete');
  if (!USER_CODE.test(userCode)) {
    const why = `user_code is "${excerpt(userCode)}", and more than letters, digits and hyphens`;
    throw refused('TOKEN_REQUEST_FAILED', why);
  }
  if (settings.deviceAuthorizationEndpoint === undefined) {
    const guard = await createAddressGuard(new URL(endpoint), resolve, GUARD_HINT);
    for (const address of [page, complete]) if (address !== undefined) await guard.check(address);
  }
  return { url: page.href, urlComplete: complete?.href, userCode };
}

function browserUrl(text: string, field: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url === undefined || !isWeb || isRemoteHttp(url.href)) {
    throw refused('INSECURE_URL', `${field} is "${shownUrl(text)}", and no https address`);
  }
  if (url.username !== '' || url.password !== '') {
    throw refused('DISCOVERY_FAILED', `${field} has a user name before ${url.host}`);
  }
  if (url.href.length > LONGEST_URL) {
    throw refused('DISCOVERY_FAILED', `${field} has more than ${LONGEST_URL} characters`);
  }
  return url;
}

function refused(
  code: 'INSECURE_URL' | 'DISCOVERY_FAILED' | 'TOKEN_REQUEST_FAILED',
  why: string,
): McpMasterError {
  return new McpMasterError(code, `the login can not be shown: ${why}`, {
    hint: 'Tell whoever runs the authorization server, or take `grant` out of its auth_config: then the login goes another way.',
  });
}
