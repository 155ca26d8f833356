#!/usr/bin/env node
/**
 * @modelcontextprotocol/server-everything over Streamable HTTP on 127.0.0.1 and a free port; prints
 * its URL as the first line of stdout. `node everything-http.mjs [streamableHttp|sse]`
 *
 * The package's own program listens on every interface at a port that must be known beforehand.
 */
import net from 'node:net';

const PATHS = { streamableHttp: '/mcp', sse: '/sse' };
const mode = process.argv[2] ?? 'streamableHttp';
const path = PATHS[mode];
if (path === undefined) {
  process.stderr.write(`everything-http: the mode is one of ${Object.keys(PATHS).join(', ')}\n`);
  process.exit(2);
}

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function listenOnLoopback(port, ...rest) {
  this.once('listening', () => {
    process.stdout.write(`http://127.0.0.1:${this.address().port}${path}\n`);
  });
  return listen.call(this, Number(port), '127.0.0.1', ...rest);
};
// What the package logs would stand before and between what is ours on stdout.
console.log = console.error;
process.env.PORT = '0';
process.argv[2] = mode;
await import('@modelcontextprotocol/server-everything/dist/index.js');
