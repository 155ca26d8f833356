import { RPC_ERROR } from '../../rpc/message.ts';
import { rpcError } from '../rpc-errors.ts';
import type { Method } from '../services.ts';

/** The levels of RFC 5424, as the specification ("Logging") names them. */
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** `logging/setLevel`: for all servers that log, also those that come up later. */
export const setLogLevel: Method = (request, { pool, wishes }) => {
  const { level } = request.params ?? {};
  if (typeof level !== 'string' || !LEVELS.includes(level)) {
    request.reply(rpcError(RPC_ERROR.invalidParams, `"level" must be one of ${LEVELS.join(', ')}`));
    return;
  }
  wishes.setLevel({ ...request.params });
  for (const { state } of pool.backends) {
    if (state.phase === 'ready') wishes.tellLevel(state.session);
  }
  request.reply({ result: {} });
};
