#!/usr/bin/env node
/**
 * A server with a login of its own: `node examples/delegate-oauth/run.mjs`. A script takes the part
 * of the person in the browser: it opens the address and follows the redirects.
 */
import { dim, heading, json, say } from '../demo/print.mjs';
import { startAuthorizationServer } from '../support/authorization-server.mjs';
import { expect, runExample } from '../support/example.mjs';
import { openMaster } from '../support/master.mjs';
import { startMcpServer } from '../support/mcp-server.mjs';
import { followLogin } from '../support/person.mjs';

const CONFIG = new URL('config.yaml', import.meta.url);

await runExample(async (later) => {
  const provider = await startAuthorizationServer();
  later(provider.close);
  const notes = await startMcpServer({
    issuer: provider.issuer,
    // A token that was issued for another server is no good here.
    admit: (headers) => provider.whoseToken(headers, notes.url),
  });
  later(notes.close);
  const open = await startMcpServer({ admit: () => 'a guest' });
  later(open.close);

  heading('1. A client is connected, and nobody has logged in to notes yet');
  const env = { NOTES_URL: notes.url, PUBLIC_URL: open.url };
  const master = await openMaster({ config: CONFIG, env }, later);
  const client = await master.connect();
  await client.call('public__whoami');
  const { _meta } = await client.call('mcp-master__login', { server: 'notes' });
  const delegation = _meta['mcp-master/oauth_delegation'];
  say(dim('\nThe same for programs, as part of the answer:'));
  json(delegation);

  heading('2. The person logs in (here a script, which opens that address)');
  say(`The last page says: ${await followLogin(delegation.authorize_url)}`);
  await master.run(['auth', 'status']);

  heading('3. The client is shown the tools of notes, without a restart');
  await client.shown('notes__whoami');
  await client.call('notes__whoami');

  heading('4. What the servers saw');
  say(`notes: ${notes.credentials().length} token, of ${notes.admitted()}`);
  say(`public: ${open.credentials().length} tokens`);
  expect(notes.credentials().length === 1, 'one token at notes');
  expect(open.credentials().length === 0, 'no token at public');
});
