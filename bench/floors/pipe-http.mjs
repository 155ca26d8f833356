#!/usr/bin/env node
/**
 * The floor of a Node.js proxy from stdio to Streamable HTTP: each line is POSTed as it is over one
 * kept-alive pool, each JSON answer printed as it is; of an answer as an event stream, its data.
 *   node pipe-http.mjs URL [--sse] [--token X]
 */
import http from 'node:http';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sse: { type: 'boolean', default: false }, token: { type: 'string' } },
});
const url = new URL(positionals[0] ?? '');
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const authorization = values.token && { authorization: `Bearer ${values.token}` };

function print(text) {
  process.stdout.write(`${text}\n`);
}

function printData(text) {
  for (const line of text.split('\n')) if (line.startsWith('data: ')) print(line.slice(6));
}

const printAnswer = values.sse ? printData : print;

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'content-length': Buffer.byteLength(line),
    ...authorization,
  };
  const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('end', () => {
      if (chunks.length > 0) printAnswer(Buffer.concat(chunks).toString('utf8'));
    });
  });
  request.end(line);
});
lines.on('close', () => process.exit(0));
