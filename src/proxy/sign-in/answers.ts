import type { OAuthDelegation } from '../../auth/sign-in-desk.ts';
import type { McpMasterError } from '../../errors.ts';
import type { SignInInvitation } from '../../oauth/store/sign-in-records.ts';
import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import { type JsonObject, type Reply, RPC_ERROR } from '../../rpc/message.ts';
import { rpcError } from '../rpc-errors.ts';

/** The member of `_meta` that carries the delegation. */
const DELEGATION_KEY = 'mcp-master/oauth_delegation';

/** What a call is answered with that a login would have to come before. */
export interface OpenLogin {
  server: string;
  invitation: SignInInvitation;
  delegation: OAuthDelegation;
  /** What the call was refused with; undefined where nobody has called anything. */
  reason?: McpMasterError;
  /** What has become of the login that was waited for; undefined = it waits still. */
  error?: McpMasterError | undefined;
}

/** The answer to a call that needs a login which somebody can still make. */
export function openLoginReply(request: IncomingRequest, login: OpenLogin, now: number): Reply {
  return failedReply(request, openLoginText(login, now), login.delegation);
}

/** The answer to a call that needs a login which nobody can make now. */
export function noLoginReply(
  request: IncomingRequest,
  { server, command, error }: { server: string; command: string; error: McpMasterError },
): Reply {
  const { code, message, hint } = error;
  const next = hint === undefined ? '' : ` ${hint}`;
  const text = `Server "${server}" needs a login, and none can be made now: ${message} (${code}).${next}\nThe command that logs in, when that is mended: ${command}`;
  const data: JsonObject = { code, login_command: command };
  if (hint !== undefined) data['hint'] = hint;
  return isToolCall(request)
    ? { result: { content: [{ type: 'text', text }], isError: true } }
    : rpcError(RPC_ERROR.unavailable, text, data);
}

/** What a person reads who is to log in. */
function openLoginText(login: OpenLogin, now: number): string {
  const { server, invitation, delegation, reason, error } = login;
  const { url, userCode, expiresAt } = invitation;
  const left = Math.max(1, Math.ceil((expiresAt - now) / 60_000));
  const minutes = left === 1 ? 'a minute' : `${left} minutes`;
  const why = reason === undefined ? '' : `: ${ownMessage(reason, server)} (${reason.code})`;
  const before =
    error === undefined
      ? ''
      : ` The login that was begun came to nothing: ${error.message} (${error.code}).`;
  const code = userCode === undefined ? '' : ` and enter the code ${userCode}`;
  return (
    `Server "${server}" needs a login${why}.${before} Open this address in a browser${code}:\n\n${url}\n\n` +
    `It is good for ${minutes} more. Or run this in a terminal: ${delegation.login_command}\n` +
    'After the login, repeat the call; nothing has to be restarted.'
  );
}

/** Without the name of the server, which the text begins with. */
function ownMessage({ message }: McpMasterError, server: string): string {
  return message.replace(`server "${server}": `, '');
}

/** A result where the method has an `isError`, else an error (contract, "Over MCP"). */
function failedReply(request: IncomingRequest, text: string, delegation: OAuthDelegation): Reply {
  if (!isToolCall(request)) return rpcError(RPC_ERROR.unavailable, text, delegation);
  const content = [
    { type: 'text', text },
    { type: 'text', text: JSON.stringify(delegation) },
  ];
  return { result: { content, isError: true, _meta: { [DELEGATION_KEY]: delegation } } };
}

function isToolCall({ method }: IncomingRequest): boolean {
  return method === 'tools/call';
}
