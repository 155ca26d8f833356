/**
 * The faults of misbehaving-backend.mjs, by name. `start` runs before the first line is read,
 * `answer(message, request, value)` writes the answer that a normal server would give, `tools` are
 * listed beside `echo`, `staysAfterEof` keeps the process alive when stdin ends.
 */
import { spawn } from 'node:child_process';
import { writeFileSync, writeSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

const LONGEST_LIFE_MS = 120_000;
const DEFAULT_HUGE = 20 * 1024 * 1024;
const FLOOD_BYTES = 20 * 1024 * 1024;

const write = (data) => process.stdout.write(data);
const line = (message) => write(`${JSON.stringify(message)}\n`);
const isCallOf = (request, tool) => request.method === 'tools/call' && request.params.name === tool;
const text = (said) => ({ content: [{ type: 'text', text: said }] });

export const FAULTS = {
  'exits-at-once': {
    start() {
      writeSync(2, 'fatal: the database is locked\nnothing can be done about it here\n');
      process.exit(3);
    },
  },
  'never-answers': { answer() {} },
  'slow-start': { start: (ms) => wait(Number(ms ?? 30_000)) },
  rubbish: {
    start() {
      for (let i = 1; i <= 20; i++) write(`Loading module ${i} of 20 ...\n`);
    },
    answer() {},
  },
  banner: { start: () => void write('*** My Server 1.0, listening on stdio ***\n') },
  huge: {
    tools: ['huge_id_first', 'huge_result_first'],
    answer: answerHugely,
  },
  pieces: { answer: (message) => inPieces(Buffer.from(`${JSON.stringify(message)}\n`)) },
  'invalid-utf8': { tools: ['invalid'], answer: answerInvalid },
  'unknown-id': {
    answer(message) {
      for (const id of ['nobody-asked', 999_999, null]) line({ jsonrpc: '2.0', id, result: {} });
      line(message);
    },
  },
  'same-id-twice': {
    answer(message, request) {
      line(message);
      line(
        request.method === 'tools/call' ? { ...message, result: text('second answer') } : message,
      );
    },
  },
  batch: {
    answer(message, request) {
      const log = {
        method: 'notifications/message',
        params: { level: 'info', data: 'in a batch' },
      };
      const isCall = request.method === 'tools/call';
      line(isCall ? [{ jsonrpc: '2.0', ...log }, message] : [message]);
    },
  },
  'bad-version': {
    answer(message, request) {
      const bad = { ...message.result, protocolVersion: '1999-01-01' };
      line(request.method === 'initialize' ? { ...message, result: bad } : message);
    },
  },
  'crash-on-call': {
    tools: ['crash'],
    answer(message, request) {
      if (!isCallOf(request, 'crash')) return line(message);
      writeSync(2, 'Error: out of cheese\n    at crash (server.js:42:7)\n');
      process.exit(7);
    },
  },
  'no-newline-at-end': {
    tools: ['last_words'],
    answer(message, request) {
      if (!isCallOf(request, 'last_words')) return line(message);
      const { id } = message;
      const last = JSON.stringify({ jsonrpc: '2.0', id, result: text('last words') });
      process.stdout.write(last, () => process.exit(0));
    },
  },
  grandchild: { start: startGrandchild },
  'ignores-eof': {
    staysAfterEof: true,
    start(file) {
      tellPids({ pid: process.pid }, file);
      process.on('SIGTERM', () => {});
      setTimeout(() => process.exit(0), LONGEST_LIFE_MS);
    },
  },
  'floods-stderr': { start: floodStderr },
  'endless-pages': { answer: answerEndlessly },
  'duplicate-tools': {
    answer(message, request) {
      if (request.method !== 'tools/list') return line(message);
      const [echo] = message.result.tools;
      line({ ...message, result: { tools: [echo, { ...echo, description: 'Another one.' }] } });
    },
  },
};

function answerHugely(message, request, bytes) {
  const asked = ['huge_id_first', 'huge_result_first'].find((tool) => isCallOf(request, tool));
  if (asked === undefined) return line(message);
  const result = text('x'.repeat(Number(bytes ?? DEFAULT_HUGE)));
  const { jsonrpc, id } = message;
  line(asked === 'huge_id_first' ? { jsonrpc, id, result } : { result, jsonrpc, id });
}

function answerInvalid(message, request) {
  if (!isCallOf(request, 'invalid')) return line(message);
  const { id } = message;
  const whole = JSON.stringify({ jsonrpc: '2.0', id, result: text('before|after') });
  const [head, tail] = whole.split('|');
  write(
    Buffer.concat([Buffer.from(head), Buffer.from('fffec328', 'hex'), Buffer.from(`${tail}\n`)]),
  );
}

let pages = 0;
function answerEndlessly(message, request, value) {
  if (request.method !== 'tools/list') return line(message);
  pages += 1;
  const [echo] = message.result.tools;
  const tools = pages === 1 ? [echo] : [{ ...echo, name: `tool_${pages}` }];
  const nextCursor = value === 'same' ? 'again' : `page-${pages + 1}`;
  line({ ...message, result: { tools, nextCursor } });
}

/** One byte a turn of the event loop, in order also when two answers are due at once. */
let written = Promise.resolve();
function inPieces(bytes) {
  written = written.then(async () => {
    for (const byte of bytes) {
      write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
}

function startGrandchild(file) {
  const program = `process.on('SIGTERM', () => {}); setTimeout(() => {}, ${LONGEST_LIFE_MS});`;
  // Inheriting stdout keeps our pipe open after our own end, as a server's helpers do.
  const child = spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  child.unref();
  tellPids({ pid: process.pid, grandchild: child.pid }, file);
}

function tellPids(pids, file) {
  const told = `${JSON.stringify(pids)}\n`;
  if (file === undefined) writeSync(2, told);
  else writeFileSync(file, told);
}

async function floodStderr() {
  const chunk = `${'warning: '.repeat(7_000)}\n`;
  for (let sent = 0; sent < FLOOD_BYTES; sent += chunk.length) {
    if (!process.stderr.write(chunk))
      await new Promise((resolve) => process.stderr.once('drain', resolve));
  }
}
