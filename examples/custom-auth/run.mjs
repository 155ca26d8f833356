#!/usr/bin/env node
/** A header of one's own for one server: `node examples/custom-auth/run.mjs`. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { heading, say } from '../demo/print.mjs';
import { expect, runExample } from '../support/example.mjs';
import { openMaster } from '../support/master.mjs';
import { startMcpServer } from '../support/mcp-server.mjs';
import { signature } from './signed-requests.mjs';

const CONFIG = new URL('config.yaml', import.meta.url);
const PROGRAM = fileURLToPath(new URL('master.mjs', import.meta.url));

await runExample(async (later) => {
  const key = randomUUID();
  const isSigned = ({ 'x-signature': sent = '' }) => {
    const [, time, signed] = /^t=(\d+), v1=(\w+)$/.exec(sent) ?? [];
    return time !== undefined && signed === signature(key, time);
  };
  const teams = new Set();
  const orders = await startMcpServer({
    admit: (headers) => {
      teams.add(headers['x-team']);
      return isSigned(headers) ? 'a program that signs' : undefined;
    },
  });
  later(orders.close);
  const open = await startMcpServer({ admit: () => 'a guest' });
  later(open.close);

  heading('1. A program of one’s own in place of `mcp-master serve`');
  say(`${process.execPath} ${PROGRAM}`);
  const env = { ORDERS_URL: orders.url, PUBLIC_URL: open.url, ORDERS_KEY: key };
  const master = await openMaster({ config: CONFIG, env }, later);
  const client = await master.connect([PROGRAM]);

  heading('2. It signs what goes to orders');
  await client.call('orders__whoami');
  await client.call('public__whoami');

  heading('3. What the servers saw');
  say(`orders: ${orders.credentials().length > 1 ? 'a new signature each time' : 'one signature'}`);
  say(`orders: X-Team: ${[...teams]}`);
  say(`public: ${open.credentials().length} signatures`);
  expect(orders.credentials().length > 1, 'each request to orders signed anew');
  expect(open.credentials().length === 0, 'nothing signed at public');
});
