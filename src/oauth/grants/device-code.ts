import { McpMasterError, toMcpMasterError } from '../../errors.ts';
import type { LoginTarget } from '../login-target.ts';
import { shownUrl } from '../shown.ts';
import type { StoredLogin } from '../store/stored-login.ts';
import {
  type DeviceAuthorization,
  type DeviceTokenRequest,
  redeemDeviceCode,
  requestDeviceCode,
} from '../tokens/device-requests.ts';
import type { TokenSet } from '../tokens/token-set.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { checkDevicePages } from './device-pages.ts';
import { pollUntil } from './poll.ts';
import {
  clientFor,
  factsOf,
  type LoginFacts,
  type LoginOptions,
  type Preparation,
  type PrepareDeps,
  prepareLogin,
  wantedScopes,
} from './prepare-login.ts';
import { saveLogin } from './save-login.ts';

/** A server counts whole seconds, and began to before its answer was here. */
const ROUNDING_MS = 2000;

/** What a login by device code shows to the person. */
export interface DeviceInvitation {
  /** Where the code is to be entered: https, or on this computer. Printable ASCII, as all here. */
  url: string;
  /** The same with the code in it; undefined where the server has no such address. */
  urlComplete: string | undefined;
  userCode: string;
  /** When the code ends, in milliseconds since the epoch. */
  expiresAt: number;
  facts: LoginFacts;
}

/** What {@link logInByDevice} works with. */
export interface DeviceLoginDeps extends PrepareDeps {
  /** Shows address and code, and opens the browser; what it rejects with ends the login. */
  inviteToDevice(invitation: DeviceInvitation): Promise<void>;
}

/**
 * Logs a person in who confirms a code in a browser anywhere (RFC 8628): nothing has to come back to
 * this computer.
 */
export async function logInByDevice(
  target: LoginTarget,
  options: LoginOptions,
  deps: DeviceLoginDeps,
): Promise<StoredLogin> {
  const { signal } = options;
  const prepared = await unlessAborted(prepareLogin(target, options, deps), signal);
  const { found } = prepared;
  const { device, request } = await unlessAborted(askForCode(prepared, deps), signal);
  const facts = factsOf(prepared, request.client, request.scopes);
  const waiting = inviteAndAwait({ ...device, facts }, request, { options, deps });
  const tokens = await unlessAborted(waiting, signal);
  return saveLogin(target, { ...found, client: request.client, tokens }, deps);
}

async function askForCode(
  prepared: Preparation,
  deps: DeviceLoginDeps,
): Promise<{ device: DeviceAuthorization; request: DeviceTokenRequest }> {
  const { target, found } = prepared;
  const { device_authorization_endpoint: endpoint, issuer } = found.authorizationServer.metadata;
  if (endpoint === undefined) throw notOffered(issuer);
  const { scopes } = wantedScopes(prepared);
  const client = await clientFor(prepared, { scopes, redirectUri: undefined }, deps);
  const { settings } = target;
  const asked = { ...found, endpoint, client, scopes, settings };
  const device = await requestDeviceCode(asked, deps);
  const { deviceCode } = device;
  const shown = await checkDevicePages(device, asked, deps);
  return { device: { ...device, ...shown }, request: { ...found, client, scopes, deviceCode } };
}

function notOffered(issuer: string): McpMasterError {
  const message = `${shownUrl(issuer)} offers no login by device code: nothing names its \`device_authorization_endpoint\``;
  return new McpMasterError('DISCOVERY_FAILED', message, {
    hint: 'Set `device_authorization_endpoint` in its auth_config if the documentation of the provider names one; else take `grant` out of it, and the login goes through a browser.',
  });
}

/** How the person is waited for. */
interface Waiting {
  options: LoginOptions;
  deps: DeviceLoginDeps;
}

/** Asks from the beginning: a browser may take its time to open. */
async function inviteAndAwait(
  device: DeviceAuthorization & { facts: LoginFacts },
  request: DeviceTokenRequest,
  { options, deps }: Waiting,
): Promise<TokenSet> {
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const waiting = awaitPerson(device, request, { options: { ...options, signal }, deps });
  try {
    const { deviceCode: _, ...shown } = device;
    const [tokens] = await Promise.all([waiting, deps.inviteToDevice(shown)]);
    return tokens;
  } finally {
    over.abort();
  }
}

async function awaitPerson(
  { intervalMs, expiresAt }: DeviceAuthorization,
  request: DeviceTokenRequest,
  { options: { patience, signal }, deps }: Waiting,
): Promise<TokenSet> {
  const { now, log } = deps;
  const deadline = Math.min(expiresAt, now() + patience);
  const ask = (timeoutMs: number) =>
    redeemDeviceCode(request, { ...deps, timeoutMs }).catch((error: unknown) => {
      throw now() >= expiresAt - ROUNDING_MS ? forgotten(toMcpMasterError(error)) : error;
    });
  const { value, failure } = await pollUntil({ deadline, intervalMs, ask, signal }, { now, log });
  if (value !== undefined) return value;
  throw deadline === expiresAt ? expired(failure) : outOfPatience(patience, failure);
}

/** Servers forget a code that has expired, and then answer as they do to one they have never given. */
function forgotten(error: McpMasterError): McpMasterError {
  return error.code === 'TOKEN_REQUEST_FAILED' ? expired() : error;
}

function expired(failure?: McpMasterError): McpMasterError {
  const message = `the code has expired before anybody has confirmed it${because(failure)}`;
  return new McpMasterError('LOGIN_TIMEOUT', message, {
    hint: failure?.hint ?? 'Start the login again, and enter the new code before it expires.',
    cause: failure,
  });
}

function outOfPatience(patience: number, failure: McpMasterError | undefined): McpMasterError {
  const seconds = Math.round(patience / 1000);
  const message = `nobody has confirmed the code in ${seconds} s${because(failure)}`;
  return new McpMasterError('LOGIN_TIMEOUT', message, {
    hint: failure?.hint ?? 'Start the login again; --timeout gives more time.',
    cause: failure,
  });
}

/** Whoever confirmed in vain has to learn that it was the network. */
function because(failure: McpMasterError | undefined): string {
  return failure === undefined ? '' : `, and the last request failed: ${failure.message}`;
}
