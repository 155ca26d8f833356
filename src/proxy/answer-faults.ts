import { toMcpMasterError } from '../errors.ts';
import type { IncomingRequest } from '../rpc/incoming-request.ts';
import { toErrorObject } from '../rpc/relay.ts';

/** A fault of ours in what goes on behind a request fails that request, and no other. */
export function answerFaults(request: IncomingRequest, work: Promise<void>): void {
  work.catch((error: unknown) => {
    request.reply({ error: toErrorObject(toMcpMasterError(error)) });
  });
}
