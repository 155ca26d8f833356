#!/usr/bin/env node
/**
 * One login for several servers: `node examples/master-oauth/run.mjs`. A script takes the part of
 * the person in the browser: it opens the address and follows the redirects.
 */
import { heading, say } from '../demo/print.mjs';
import { startAuthorizationServer } from '../support/authorization-server.mjs';
import { expect, runExample } from '../support/example.mjs';
import { openMaster } from '../support/master.mjs';
import { startMcpServer } from '../support/mcp-server.mjs';

const CONFIG = new URL('config.yaml', import.meta.url);

await runExample(async (later) => {
  const provider = await startAuthorizationServer();
  later(provider.close);
  const [search, wiki, open] = await Promise.all([
    startMcpServer({ admit: (headers) => provider.whoseToken(headers) }),
    startMcpServer({ admit: (headers) => provider.whoseToken(headers) }),
    startMcpServer({ admit: () => 'a guest' }),
  ]);
  for (const server of [search, wiki, open]) later(server.close);
  const urls = { SEARCH_URL: search.url, WIKI_URL: wiki.url, PUBLIC_URL: open.url };
  const env = { ISSUER: provider.issuer, ...urls };
  const master = await openMaster({ config: CONFIG, env }, later);

  heading('1. The master logs in, once');
  await master.logIn('master');
  await master.run(['auth', 'status']);

  heading('2. Its token goes to the servers that name the strategy');
  const client = await master.connect();
  await client.call('search__whoami');
  await client.call('wiki__whoami');
  await client.call('public__whoami');

  heading('3. What the servers saw');
  const same = `${search.credentials()}` === `${wiki.credentials()}`;
  say(`search: ${search.credentials().length} token, of ${search.admitted()}`);
  say(`wiki: ${wiki.credentials().length} token, ${same ? 'the same one' : 'another one'}`);
  say(`public: ${open.credentials().length} tokens`);
  expect(search.credentials().length === 1 && same, 'one token at search and wiki');
  expect(open.credentials().length === 0, 'no token at public');
});
