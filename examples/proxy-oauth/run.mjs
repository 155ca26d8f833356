#!/usr/bin/env node
/**
 * Three ways to a server's token: `node examples/proxy-oauth/run.mjs`. A script takes the part of
 * the person in the browser: it opens the address and follows the redirects.
 */
import { randomUUID } from 'node:crypto';
import { heading, say } from '../demo/print.mjs';
import { startAuthorizationServer } from '../support/authorization-server.mjs';
import { expect, runExample } from '../support/example.mjs';
import { openMaster } from '../support/master.mjs';
import { startMcpServer } from '../support/mcp-server.mjs';

const CONFIG = new URL('config.yaml', import.meta.url);

await runExample(async (later) => {
  const provider = await startAuthorizationServer();
  later(provider.close);
  const backendToken = randomUUID();
  const isBackend = ({ authorization }) => authorization === `Bearer ${backendToken}`;
  const [internal, notes, reports] = await Promise.all([
    startMcpServer({ admit: (headers) => (isBackend(headers) ? 'the backend' : undefined) }),
    startMcpServer({
      issuer: provider.issuer,
      admit: (headers) => provider.whoseToken(headers, notes.url),
    }),
    startMcpServer({ admit: (headers) => provider.whoseToken(headers) }),
  ]);
  for (const server of [internal, notes, reports]) later(server.close);
  const urls = { INTERNAL_URL: internal.url, NOTES_URL: notes.url, REPORTS_URL: reports.url };
  const env = { ISSUER: provider.issuer, INTERNAL_BACKEND_TOKEN: backendToken, ...urls };
  const master = await openMaster({ config: CONFIG, env }, later);

  heading('1. Two logins: one for notes alone, one of the master');
  await master.logIn('notes');
  await master.logIn('master');
  await master.run(['auth', 'status']);

  heading('2. Each server gets the token of its own way');
  const client = await master.connect();
  await client.call('internal__whoami');
  await client.call('notes__whoami');
  await client.call('reports__whoami');

  heading('3. What the servers saw');
  const seen = { internal, notes, reports };
  for (const [name, server] of Object.entries(seen)) {
    say(`${name}: ${server.credentials().length} token, of ${server.admitted()}`);
  }
  const tokens = Object.values(seen).flatMap((server) => server.credentials());
  expect(new Set(tokens).size === 3 && tokens.length === 3, 'three tokens, one for each server');
});
