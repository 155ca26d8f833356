/**
 * A program that uses the package as a library: `node use-library.mjs CONFIG SERVER`. It calls
 * `SERVER__whoami` with a token of its own, which it renews once, prints the answer, and ends.
 */
import process from 'node:process';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { loadConfig, MasterServer, MultiAuthManager } from 'mcp-master';

const [, , file, server] = process.argv;
let token = 'stale';
const auth = new MultiAuthManager().registerServerAuth(server, {
  headers: () => ({ Authorization: `Bearer ${token}` }),
  onUnauthorized: () => {
    const isNew = token === 'stale';
    token = 'fresh';
    return isNew;
  },
});
const master = new MasterServer(await loadConfig({ file })).attachAuthManager(auth);
const [ours, theirs] = InMemoryTransport.createLinkedPair();
const served = master.serve(theirs);
const client = new Client({ name: 'library-user', version: '1.0.0' });
await client.connect(ours);
const { content } = await client.callTool({ name: `${server}__whoami` });
process.stdout.write(`${content[0].text}\n`);
await client.close();
await served;
