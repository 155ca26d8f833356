import { McpMasterError } from '../../errors.ts';
import { loginCommand } from '../login-command.ts';
import { shownUrl } from '../shown.ts';
import type { LoginAttempt } from './flow-login.ts';

/** Characters of an `error` and of an `error_description` that are shown. */
const ERROR_SHOWN = 60;
const DESCRIPTION_SHOWN = 300;

const PARAMETERS = ['code', 'iss', 'error', 'error_description'];

/**
 * What is wrong with an authorization response whose `state` is right; undefined when it brings a
 * code. Order: repeated parameters (OAuth 2.1 §3.1), `iss` (RFC 9207 §2.4), `error` (OAuth 2.1
 * §4.1.2.1), `code`. Nothing of a response is shown before its issuer is known to be the right one.
 */
export function responseError(
  attempt: LoginAttempt,
  response: URLSearchParams,
): McpMasterError | undefined {
  const repeated = PARAMETERS.find((name) => response.getAll(name).length > 1);
  if (repeated !== undefined) {
    return brokenResponse(attempt, `has the parameter \`${repeated}\` more than once`);
  }
  const wrongIssuer = issuerProblem(attempt, response.get('iss'));
  if (wrongIssuer !== undefined) return issuerMismatch(attempt, wrongIssuer);
  const error = response.get('error');
  if (error !== null) return refusal(attempt, error, response.get('error_description') ?? '');
  return response.get('code') ? undefined : brokenResponse(attempt, 'has neither code nor error');
}

/** The command that starts a login again, for hints. */
export function againCommand({ server, commandFlags }: LoginAttempt): string {
  return `\`${loginCommand(server, commandFlags)}\``;
}

function issuerProblem(attempt: LoginAttempt, iss: string | null): string | undefined {
  if (iss === null) return attempt.issRequired ? 'does not name its issuer' : undefined;
  const isRight = iss === attempt.issuer || attempt.issuerGuessed === true;
  return isRight ? undefined : 'names another issuer';
}

function issuerMismatch(attempt: LoginAttempt, problem: string): McpMasterError {
  const { server, issuer } = attempt;
  const message = `the answer to the login at ${shownUrl(issuer)} ${problem}, so it was not used`;
  const hint = `Check \`issuer\` and the endpoints of ${server}, then start again: ${againCommand(attempt)}.`;
  return new McpMasterError('ISSUER_MISMATCH', message, { hint });
}

function brokenResponse(attempt: LoginAttempt, problem: string): McpMasterError {
  const message = `the answer to the login at ${shownUrl(attempt.issuer)} ${problem}`;
  const hint = `Start again: ${againCommand(attempt)}. If it happens again, tell the provider.`;
  return new McpMasterError('TOKEN_REQUEST_FAILED', message, { hint });
}

function refusal(attempt: LoginAttempt, error: string, description: string): McpMasterError {
  const { server } = attempt;
  const issuer = shownUrl(attempt.issuer);
  const why = [shorten(error, ERROR_SHOWN), shorten(description, DESCRIPTION_SHOWN)]
    .filter((part) => part !== '')
    .join(': ');
  if (error === 'access_denied') {
    const hint = `Start again and allow the access: ${againCommand(attempt)}.`;
    return new McpMasterError('ACCESS_DENIED', `access was denied at ${issuer} (${why})`, { hint });
  }
  if (error === 'invalid_scope') {
    const hint = `Check \`scopes\` of ${server}; without them, those that the server names are asked for.`;
    const message = `${issuer} does not grant the scopes that were asked for (${why})`;
    return new McpMasterError('INVALID_SCOPE', message, { hint });
  }
  const message = `${issuer} refused the login (${why})`;
  return new McpMasterError('TOKEN_REQUEST_FAILED', message, { hint: refusalHint(error, attempt) });
}

function refusalHint(error: string, attempt: LoginAttempt): string {
  const { server } = attempt;
  switch (error) {
    case 'server_error':
    case 'temporarily_unavailable':
      return `The provider has a problem: try again later with ${againCommand(attempt)}.`;
    case 'invalid_target':
      return `Set \`resource\` of ${server} to what the provider knows, or to false.`;
    case 'unauthorized_client':
    case 'unsupported_response_type':
    case 'invalid_request':
      return `Check \`client_id\` of ${server}, and its redirect URI at the provider.`;
    default:
      return `Start again: ${againCommand(attempt)}.`;
  }
}

/** Foreign text as one line; without the characters that turn the direction of writing, too. */
function shorten(text: string, length: number): string {
  const line = text
    .slice(0, 8 * length)
    // A back quote would set what follows as a command of ours.
    .replace(/`/g, "'")
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
  return line.length > length ? `${line.slice(0, length)}…` : line;
}
