import type { JsonObject } from '../../src/rpc/message.ts';
import type { ExpectedChange, ExpectedDifference } from '../support/conformance/compare.ts';

/**
 * Where the suite's result through the proxy is another than the direct one. Nowhere: what the suite
 * asks of HTTP itself (`server-session-lifecycle`, `dns-rebinding-protection`, and
 * `server-sse-polling` over stdio) is asked of the same bridge both times, and says nothing about
 * the proxy.
 */
export const EXPECTED_DIFFERENCES: readonly ExpectedDifference[] = [];

/** Where the result is the same, but what led to it is not. */
export const EXPECTED_CHANGES: readonly ExpectedChange[] = [
  {
    scenario: 'tools-call-with-logging',
    check: 'tools-call-with-logging',
    reason:
      "A client sees one log of all servers: the proxy puts the server's name before `logger`.",
    change: ({ logs, ...rest }) => ({
      ...rest,
      // The suite's list of the params of each log message.
      logs: (logs as JsonObject[]).map((log) => ({ ...log, logger: 'conformance' })),
    }),
  },
];
