import type { Readable, Writable } from 'node:stream';
import { McpMasterError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type ErrorObject, RPC_ERROR } from '../rpc/message.ts';
import type { DecodeProblem } from '../rpc/message-decoder.ts';
import { StreamTransport } from '../rpc/stream-transport.ts';
import type { Transport } from '../rpc/transport.ts';

/**
 * The client's side of the stdio transport: what is no message is answered with a JSON-RPC error,
 * and the session goes on.
 */
export function createClientTransport(input: Readable, output: Writable, log: Logger): Transport {
  const transport: StreamTransport = new StreamTransport({
    input,
    output,
    onProblem: (problem) => {
      log.warn(`the client sent what is no message (${problem.kind}): «${problem.excerpt}»`);
      if (problem.call === false) {
        // An answer is not answered: it fails the request that it was for.
        if (problem.id !== undefined) transport.onfailure?.(problem.id, unreadable(problem));
        return;
      }
      const id = problem.id ?? null;
      transport.send({ jsonrpc: '2.0', id, error: errorOf(problem) })?.catch((error: unknown) => {
        log.debug(`the refusal was not delivered: ${String(error)}`);
      });
    },
  });
  return transport;
}

function unreadable(problem: DecodeProblem): McpMasterError {
  const code = problem.kind === 'too_large' ? 'MESSAGE_TOO_LARGE' : 'BACKEND_PROTOCOL';
  return new McpMasterError(code, `the client's answer can't be read (${problem.kind})`);
}

function errorOf({ kind }: DecodeProblem): ErrorObject {
  switch (kind) {
    case 'not_json':
      return { code: RPC_ERROR.parseError, message: 'Parse error: the line is not JSON' };
    case 'invalid_utf8':
      return { code: RPC_ERROR.parseError, message: 'Parse error: the line is not UTF-8' };
    case 'too_large':
      return { code: RPC_ERROR.invalidRequest, message: 'The message is larger than 16 MiB' };
    case 'not_a_message':
      return { code: RPC_ERROR.invalidRequest, message: 'Not a JSON-RPC 2.0 message' };
  }
}
