#!/usr/bin/env node
/**
 * A stdio MCP server with one fault. Apart from it, it is a normal server with an `echo` tool; where
 * the fault lies in a call, it has a tool of its own for it, so that both can be seen side by side.
 *
 *   node misbehaving-backend.mjs FAULT [VALUE]
 *
 *   exits-at-once       text on stderr, then exit code 3
 *   never-answers       reads, and says nothing
 *   slow-start MS       says nothing for MS, then works (default 30000)
 *   rubbish             prints 20 lines that are not JSON and never answers
 *   banner              prints a banner line first, then works
 *   huge [BYTES]        tools huge_id_first and huge_result_first: answers of BYTES (default 20 MiB)
 *                       with the members in the order jsonrpc, id, result and result, jsonrpc, id
 *   pieces              writes every answer byte by byte, so also within characters
 *   invalid-utf8        tool invalid: its text has the bytes FF FE C3 28 between `before` and `after`
 *   unknown-id          before each answer, three responses with ids that nobody asked for
 *   same-id-twice       each answer twice; the second of a call says `second answer`
 *   batch               each answer in a JSON array, that of a call after a log message
 *   bad-version         answers initialize with protocolVersion 1999-01-01
 *   crash-on-call       tool crash: text on stderr, exit code 7
 *   no-newline-at-end   tool last_words: answers without the final newline and exits
 *   grandchild [FILE]   starts a process that ignores SIGTERM and keeps stdout open; writes
 *                       {"pid","grandchild"} to FILE, else to stderr
 *   ignores-eof [FILE]  ends neither with stdin nor on SIGTERM; writes {"pid"} to FILE, else stderr
 *   floods-stderr       writes 20 MB to stderr before it answers anything
 *   endless-pages [same]  tools/list has a nextCursor for ever; with `same` always the same one
 *   duplicate-tools     lists echo twice
 *
 * What ignores its end ends by itself after two minutes, so that no failed test leaves it behind.
 */
import { readLines } from './lines.js';
import { FAULTS } from './misbehaving/faults.mjs';

const [name = '', value] = process.argv.slice(2);
const fault = FAULTS[name];
if (fault === undefined) {
  process.stderr.write(
    `misbehaving-backend: the fault is one of ${Object.keys(FAULTS).join(', ')}\n`,
  );
  process.exit(2);
}

const ECHO = {
  name: 'echo',
  description: 'Gives the message back.',
  inputSchema: { type: 'object', properties: { message: { type: 'string' } } },
};

/** @returns {object} the `result` or `error` member of the answer */
function normalAnswer({ method, params }) {
  switch (method) {
    case 'initialize':
      return {
        result: {
          protocolVersion: params.protocolVersion,
          capabilities: { tools: {}, logging: {} },
          serverInfo: { name: `misbehaving-${name}`, version: '1.0.0' },
        },
      };
    case 'ping':
      return { result: {} };
    case 'tools/list':
      return {
        result: { tools: [ECHO, ...(fault.tools ?? []).map((tool) => ({ ...ECHO, name: tool }))] },
      };
    case 'tools/call':
      return params.name === 'echo'
        ? { result: { content: [{ type: 'text', text: String(params.arguments?.message) }] } }
        : { error: { code: -32602, message: `Unknown tool: ${params.name}` } };
    default:
      return { error: { code: -32601, message: `Method not found: ${method}` } };
  }
}

const write = (text) => process.stdout.write(text);
await fault.start?.(value);
await readLines(process.stdin, (line) => {
  const request = JSON.parse(line);
  if (request.id === undefined || request.method === undefined) return;
  const answer = { jsonrpc: '2.0', id: request.id, ...normalAnswer(request) };
  const send = fault.answer ?? ((message) => write(`${JSON.stringify(message)}\n`));
  send(answer, request, value);
});
if (fault.staysAfterEof !== true) process.exit(0);
