import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTempFolder, supportProgram, type TempFolder, waitFor } from '../support/bin.ts';
import { json, result, startServer } from '../support/http/scripted-server.ts';
import { recordingBackend } from '../support/recording.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

const GOOD = {
  command: process.execPath,
  args: [supportProgram('recording-backend.mjs'), 'stdio'],
};

let folder: TempFolder;
let client: RecordingClient | undefined;
beforeEach(async () => {
  folder = await createTempFolder();
});
afterEach(async () => {
  await client?.close();
  await folder.remove();
});

async function serve(servers: Record<string, object>): Promise<RecordingClient> {
  client = await startServe({ servers: { ...servers, good: GOOD } }, { home: folder.path });
  await client.initialize();
  return client;
}

async function expectGood(session: RecordingClient): Promise<void> {
  const answer = await session.callTool('good__echo', { message: 'fine' });
  expect(answer).toEqual({ content: [{ type: 'text', text: 'fine' }] });
}

describe('no server and no request ends the session of the others', () => {
  it('a URI that is too long for any template', async () => {
    const alpha = await recordingBackend(folder.path, 'alpha', {
      initialize: { capabilities: { resources: {} } },
      methods: {
        'resources/templates/list': {
          result: { resourceTemplates: [{ uriTemplate: 'a://{x}', name: 'a' }] },
        },
        'resources/list': { result: { resources: [] } },
      },
    });
    const session = await serve({ alpha: alpha.entry });
    await session.request('resources/read', { uri: `a://${'x'.repeat(1_100_000)}` });
    await expectGood(session);
  });

  it('two servers with one URI that can not be encoded', async () => {
    const script = {
      initialize: { capabilities: { resources: {} } },
      methods: { 'resources/list': { result: { resources: [{ uri: 'x://\ud800', name: 'a' }] } } },
    };
    const alpha = await recordingBackend(folder.path, 'alpha', script);
    const beta = await recordingBackend(folder.path, 'beta', script);
    const session = await serve({ alpha: alpha.entry, beta: beta.entry });
    expect((await session.result('resources/list'))['resources']).toHaveLength(2);
    await expectGood(session);
  });

  it('an answer that is nested too deeply to be sent on', async () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const script = `let b='';process.stdin.on('data',d=>{b+=d;let i;while((i=b.indexOf('\\n'))>=0){const m=JSON.parse(b.slice(0,i));b=b.slice(i+1);
      const say=r=>process.stdout.write('{"jsonrpc":"2.0","id":'+m.id+',"result":'+r+'}\\n');
      if(m.method==='initialize')say(JSON.stringify({protocolVersion:'2025-11-25',capabilities:{tools:{}},serverInfo:{}}));
      else if(m.method==='tools/list')say('{"tools":[{"name":"deep","inputSchema":{"type":"object"}}]}');
      else if(m.id!==undefined)say('{"x":${deep}}');}}).on('end',()=>process.exit())`;
    const session = await serve({ alpha: { command: process.execPath, args: ['-e', script] } });
    const { error } = await session.request('tools/call', { name: 'alpha__deep' });
    expect(error).toMatchObject({
      code: -32603,
      message: expect.stringContaining('could not be sent'),
    });
    await expectGood(session);
  });

  it('a session that ends during the handshake is made anew', async () => {
    const sessions = ['one', 'two'];
    const answers = new Map<string | undefined, object>([
      [
        'initialize',
        { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: {} },
      ],
      ['tools/list', { tools: [{ name: 'late', inputSchema: { type: 'object' } }] }],
    ]);
    const statusOf = (method: string, known: unknown) => {
      if (known === 'one') return 404;
      return method === 'POST' ? 202 : 405;
    };
    const server = await startServer(({ method, headers, message }, response) => {
      const answer = answers.get(message.method);
      const known = headers['mcp-session-id'];
      if (known === undefined) response.setHeader('mcp-session-id', sessions.shift() ?? 'more');
      if (answer !== undefined) json(response, result(message.id, answer));
      else response.writeHead(statusOf(method, known)).end();
    });
    const session = await serve({ alpha: { url: server.url.href, transport: 'http' } });
    await waitFor(async () =>
      (await session.listTools()).some(({ name }) => name === 'alpha__late'),
    );
  });
});

describe('a list that can not be read at first', () => {
  it('is read again when the client lists again, and is not remembered as empty', async () => {
    const error = { code: -32000, message: 'not yet' };
    const script = {
      initialize: { capabilities: { tools: {}, prompts: {} } },
      methods: { 'tools/list': [{ error }, {}], 'prompts/list': { result: { prompts: [] } } },
    };
    const alpha = await recordingBackend(folder.path, 'alpha', script);
    const session = await serve({ alpha: alpha.entry });
    expect((await session.listTools()).map(({ name }) => name)).toEqual(['good__echo']);
    await waitFor(async () => (await session.listTools()).length === 2);
  });
});
