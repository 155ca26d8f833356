import type { JsonObject } from '../../../src/rpc/message.ts';
import type { Answer as RpcAnswer } from '../recording-client.ts';

/** How the answer begins that leads a person to a login (contract, "Over MCP"). */
const NEEDS_LOGIN = /^Server "([^"]+)" needs a login: ([\s\S]*?) \(([A-Z_]+)\)\./;

const COMMAND = /run this in a terminal: (.*)/;

/**
 * Why a call was refused: its error, or what its result says where a person can log in, in the same form.
 * Undefined when it was answered.
 */
function refusalIn({ error, result }: RpcAnswer): RpcAnswer['error'] {
  if (error !== undefined || result?.['isError'] !== true) return error;
  const [block] = result['content'] as JsonObject[];
  const text = String(block?.['text']);
  const [, server, why, code] = NEEDS_LOGIN.exec(text) ?? [];
  const [, command] = COMMAND.exec(text) ?? [];
  if (code === undefined || command === undefined) return { code: 0, message: text };
  const hint = `Log in: ${command}`;
  return { code: -32000, message: `server "${server}": ${why}. ${hint}`, data: { code, hint } };
}

/** The answer in which a refusal is always an error. */
export function plainly(answer: RpcAnswer): RpcAnswer {
  const error = refusalIn(answer);
  if (error === undefined) return answer;
  const { result: _, ...rest } = answer;
  return { ...rest, error };
}
