import { expect, it } from 'vitest';
import { late, respond } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import { startMisbehavingAuthorizationServer } from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

it('tells why a server shows no tools, also while they are being listed again', async () => {
  const home = await createAuthHome();
  const server = await untilTestEnds(
    startMisbehavingAuthorizationServer({
      mcp: ({ params: { method, id } }) => {
        if (method === 'tools/list') {
          return late(respond(401, '', { 'www-authenticate': 'Bearer scope="mcp:read"' }), 300);
        }
        if (method !== 'initialize') return respond(202);
        const serverInfo = { name: 'open', version: '1' };
        const result = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo };
        return respond(200, { jsonrpc: '2.0', id, result });
      },
    }),
  );
  await home.configure({ api: { url: server.url.href } });
  const client = await home.serve();
  // Each list of ours makes it ask the server again.
  for (let lists = 0; lists < 3; lists += 1) {
    const listed = (await client.listTools()).map(({ name }) => String(name));
    expect(listed.filter((name) => name.startsWith('api__'))).toEqual([]);
    const { error } = await client.request('tools/call', { name: 'api__whoami', arguments: {} });
    expect(error?.message).toContain('mcp-master auth login --server=api');
  }
});
