#!/usr/bin/env node
/**
 * The floor of a Node.js proxy from stdio to Streamable HTTP: each line is POSTed as it is over one
 * kept-alive pool, each JSON answer printed as it is.
 *   node pipe-http.mjs URL
 */
import http from 'node:http';
import readline from 'node:readline';

const url = new URL(process.argv[2] ?? '');
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'content-length': Buffer.byteLength(line),
  };
  const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('end', () => {
      if (chunks.length > 0) process.stdout.write(`${Buffer.concat(chunks).toString('utf8')}\n`);
    });
  });
  request.end(line);
});
lines.on('close', () => process.exit(0));
