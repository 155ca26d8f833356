import type { OAuthSettings } from '../../config/config.ts';
import type { McpMasterError } from '../../errors.ts';
import { secureUrl } from '../discovery/address.ts';
import { excerpt } from '../shown.ts';
import { DEVICE_CODE_GRANT } from './device-code-grant.ts';
import type { Fields, Refusal } from './endpoint-post.ts';
import { withOpenid } from './openid.ts';
import { tokenError } from './token-errors.ts';
import { type OAuthDeps, requestTokens, type TokenRequest } from './token-requests.ts';
import { readSeconds } from './token-response.ts';
import type { TokenSet } from './token-set.ts';

const DEFAULT_INTERVAL_S = 5;

/** The life of a code must be told, and is assumed all the same where it is not. */
const DEFAULT_LIFE_S = 600;

/** Asks for a code that a person confirms. */
export interface DeviceCodeRequest extends TokenRequest {
  /** The device authorization endpoint. */
  endpoint: string;
  scopes: string[];
  settings: OAuthSettings;
}

/** What the server wants the person to do (RFC 8628 §3.2). */
export interface DeviceAuthorization {
  /** A secret. */
  deviceCode: string;
  /** One line, without control characters. */
  userCode: string;
  /** As it was sent: not yet checked. */
  url: string;
  /** With the user code in it, not yet checked either; undefined where the server has no such address. */
  urlComplete: string | undefined;
  /** In milliseconds since the epoch. */
  expiresAt: number;
  /** Milliseconds between two requests for the tokens at least. */
  intervalMs: number;
}

/** Asks whether the person has confirmed. */
export interface DeviceTokenRequest extends TokenRequest {
  deviceCode: string;
  /** Those that were asked for. */
  scopes: string[];
}

/** Why there are no tokens yet. */
export interface NotYet {
  /** `failed`: nothing was heard of how it stands. */
  notYet: 'pending' | 'slow_down' | 'failed';
  error: McpMasterError;
}

/**
 * Asks for a device code (RFC 8628 §3.1), with the `audience` and `extra_params` of the configuration.
 * Rejects with `ACCESS_DENIED`, `INVALID_SCOPE`, `TOKEN_REQUEST_FAILED`, `INSECURE_URL`, or with
 * `CONFIG_INVALID` when the client's credentials can't be used.
 */
export async function requestDeviceCode(
  { authorizationServer, client, resource, endpoint, scopes, settings }: DeviceCodeRequest,
  deps: OAuthDeps,
): Promise<DeviceAuthorization> {
  const url = secureUrl(endpoint, 'device_authorization_endpoint');
  const { audience, extraParams } = settings;
  const parameters = {
    ...(audience && { audience }),
    ...extraParams,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(resource && { resource }),
  };
  const askedAt = deps.now();
  const request = {
    ...{ authorizationServer, client, url, what: 'the request for a device code' },
    read: (fields: Fields) => {
      const answer = readAnswer(fields);
      return typeof answer === 'string' ? answer : Response.json(answer);
    },
    toError: (refusal: Refusal) => tokenError(refusal, client, 'device_code'),
  };
  const answer = await withOpenid(request, deps, (lib, config) =>
    lib.initiateDeviceAuthorization(config, parameters),
  );
  deps.secret(answer.device_code);
  return {
    deviceCode: answer.device_code,
    userCode: answer.user_code,
    url: answer.verification_uri,
    urlComplete: answer.verification_uri_complete,
    expiresAt: askedAt + answer.expires_in * 1000,
    intervalMs: (answer.interval ?? DEFAULT_INTERVAL_S) * 1000,
  };
}

/** A conforming answer (RFC 8628 §3.2) of what servers really send. As text: why it can't be used. */
function readAnswer(fields: Fields) {
  const deviceCode = textIn(fields, 'device_code');
  const userCode = excerpt(textIn(fields, 'user_code') ?? '');
  // The drafts of the RFC had another name, which Google has kept.
  const uri = textIn(fields, 'verification_uri') ?? textIn(fields, 'verification_url');
  const complete =
    textIn(fields, 'verification_uri_complete') ?? textIn(fields, 'verification_url_complete');
  if (deviceCode === undefined) return 'there is no device_code in it';
  if (userCode === '') return 'there is no user_code in it';
  if (uri === undefined) return 'there is no verification_uri in it';
  return {
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: uri,
    ...(complete !== undefined && { verification_uri_complete: complete }),
    expires_in: readSeconds(fields['expires_in']) ?? DEFAULT_LIFE_S,
    interval: readSeconds(fields['interval']) ?? DEFAULT_INTERVAL_S,
  };
}

function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * Asks once whether the person has confirmed (RFC 8628 §3.4). Resolves with the tokens, or with why
 * it may be asked again. Rejects with `ACCESS_DENIED`, `LOGIN_TIMEOUT` when the code has expired,
 * `INVALID_SCOPE`, `TOKEN_REQUEST_FAILED` or `CONFIG_INVALID`: then it is over.
 */
export async function redeemDeviceCode(
  request: DeviceTokenRequest,
  deps: OAuthDeps,
): Promise<TokenSet | NotYet> {
  const { client, deviceCode, scopes } = request;
  let refused: Refusal | undefined;
  const grant = {
    type: DEVICE_CODE_GRANT,
    what: 'the token request',
    parameters: { device_code: deviceCode },
    toError: (refusal: Refusal) => {
      refused = refusal;
      return tokenError(refusal, client, 'device_code');
    },
  };
  try {
    return await requestTokens(request, grant, { scopes }, deps);
  } catch (error) {
    const notYet = refused && reasonToWait(refused);
    if (notYet === undefined) throw error;
    // With a refusal, `toError` has made the error.
    return { notYet, error: error as McpMasterError };
  }
}

/** RFC 8628 §3.5; undefined when asking again is of no use. */
function reasonToWait({ error, status, cause }: Refusal): NotYet['notYet'] | undefined {
  switch (error) {
    case 'authorization_pending':
      return 'pending';
    case 'slow_down':
      return 'slow_down';
    case undefined:
    case 'server_error':
    case 'temporarily_unavailable':
      break;
    default:
      return undefined;
  }
  if (cause?.code === 'TLS_UNTRUSTED') return undefined;
  const passing = status === undefined || status >= 500 || [408, 425, 429].includes(status);
  return passing || error !== undefined ? 'failed' : undefined;
}
