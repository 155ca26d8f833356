import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { createTempFolder, supportProgram, type TempFolder, waitFor } from '../support/bin.ts';
import { type RecordingBackend, recordingBackend } from '../support/recording.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

const NEVER = {
  command: process.execPath,
  args: [supportProgram('misbehaving-backend.mjs'), 'never-answers'],
};

let folder: TempFolder;
let clients: RecordingClient[];
beforeEach(async () => {
  folder = await createTempFolder();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await folder.remove();
});

function tool(name: string): JsonObject {
  return { name, inputSchema: { type: 'object' } };
}

/** One backend; asking for it again gives the same entry with another script. */
function backend(script: object = {}): Promise<RecordingBackend> {
  return recordingBackend(folder.path, 'alpha', script);
}

/** A session in a home that lasts for the test. */
async function serve(servers: Record<string, object>, rest: object = {}): Promise<RecordingClient> {
  const client = await startServe({ servers, ...rest }, { home: folder.path });
  clients.push(client);
  return client;
}

async function names(client: RecordingClient): Promise<unknown[]> {
  return (await client.listTools()).map(({ name }) => name);
}

/** One run from beginning to end. */
async function runOnce(servers: Record<string, object>, rest: object = {}): Promise<unknown[]> {
  const client = await serve(servers, rest);
  await client.initialize();
  const listed = await names(client);
  await client.close();
  return listed;
}

describe('the first list', () => {
  it('starts nothing before the first request that needs it', async () => {
    const alpha = await backend();
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    await client.request('ping');
    expect(alpha.lines()).toEqual([]);
    expect(await names(client)).toEqual(['alpha__echo']);
    expect(alpha.lines()[0]).toMatchObject({ event: 'start' });
  });

  it('waits for a server that was never seen, as long as first_list_wait says, and tells when it comes', async () => {
    const alpha = await backend({ methods: { initialize: { steps: [{ wait: 3000 }] } } });
    const beta = await recordingBackend(folder.path, 'beta');
    const client = await serve(
      { alpha: alpha.entry, beta: beta.entry, never: NEVER },
      { serve: { first_list_wait: 1 } },
    );
    await client.initialize();
    expect(await names(client)).toEqual(['beta__echo']);
    await client.waitForNotification('notifications/tools/list_changed');
    expect(await names(client)).toEqual(['alpha__echo', 'beta__echo']);
  });

  it('answers a call that comes before any list', async () => {
    const alpha = await backend();
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    expect(await client.callTool('alpha__echo', { message: 'early' })).toEqual({
      content: [{ type: 'text', text: 'early' }],
    });
  });

  it('tells of no change of a list that nobody has', async () => {
    const alpha = await backend({
      initialize: { capabilities: { tools: {}, prompts: {} } },
      methods: {
        'prompts/list': [{ result: { prompts: [] } }, { result: { prompts: [tool('new')] } }],
      },
      calls: { echo: { steps: [{ notify: { method: 'notifications/prompts/list_changed' } }] } },
    });
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    await names(client);
    await client.callTool('alpha__echo');
    await waitFor(() => alpha.calls('prompts/list').length === 2);
    // Long after it would have been told.
    await client.callTool('alpha__echo');
    await waitFor(() => alpha.calls('prompts/list').length === 3);
    expect(client.notifications('notifications/prompts/list_changed')).toEqual([]);
    expect((await client.result('prompts/list'))['prompts']).toEqual([
      { ...tool('new'), name: 'alpha__new' },
    ]);
  });

  it('reads a list once for a burst of changes', async () => {
    const burst = Array.from({ length: 300 }, () => ({
      notify: { method: 'notifications/tools/list_changed' },
    }));
    const alpha = await backend({ calls: { echo: { steps: burst } } });
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    await names(client);
    await client.callTool('alpha__echo');
    await client.callTool('alpha__echo');
    expect(alpha.calls('tools/list').length).toBeLessThan(20);
    expect(await client.close()).toMatchObject({ code: 0, killed: false });
  });
});

describe('the next run', () => {
  it('lists from disk what a server offered that is not up yet, and a call waits for it', async () => {
    const alpha = await backend({ initialize: { instructions: 'Read me first.' } });
    expect(await runOnce({ alpha: alpha.entry })).toEqual(['alpha__echo']);

    await backend({ methods: { initialize: { steps: [{ wait: 1500 }] } } });
    const client = await serve({ alpha: alpha.entry });
    expect((await client.initialize())['instructions']).toBe('# alpha\n\nRead me first.');
    expect(await names(client)).toEqual(['alpha__echo']);
    expect(alpha.sent()).toHaveLength(0);
    expect(await client.callTool('alpha__echo', { message: 'waited' })).toEqual({
      content: [{ type: 'text', text: 'waited' }],
    });
    expect(client.notifications('notifications/tools/list_changed')).toEqual([]);
  });

  it('tells what has changed since', async () => {
    const alpha = await backend({ tools: [tool('old')] });
    expect(await runOnce({ alpha: alpha.entry })).toEqual(['alpha__old']);
    await backend({ tools: [tool('new')] });
    const client = await serve({ alpha: alpha.entry });
    await client.initialize();
    expect(await names(client)).toEqual(['alpha__old']);
    await client.waitForNotification('notifications/tools/list_changed');
    expect(await names(client)).toEqual(['alpha__new']);
  });

  it('does not wait again for a server that failed before', async () => {
    // If it did, the list would come after `first_list_wait`, long after the client has given up.
    const never = { ...NEVER, startup_timeout: 1 };
    const wait = { serve: { first_list_wait: 60 } };
    expect(await runOnce({ never }, wait)).toEqual([]);
    const client = await serve({ never: { ...NEVER, startup_timeout: 1 } }, wait);
    await client.initialize();
    expect(await names(client)).toEqual([]);
    expect(client.stderr).not.toContain('not ready');
  });

  it('asks again when the entry of a server has changed', async () => {
    const alpha = await backend({ tools: [tool('old')] });
    expect(await runOnce({ alpha: alpha.entry })).toEqual(['alpha__old']);
    await backend({ tools: [tool('new')] });
    expect(await runOnce({ alpha: { ...alpha.entry, env: { X: '1' } } })).toEqual(['alpha__new']);
  });
});

describe('names and filters', () => {
  it('follow the configuration, and route to the names of the servers', async () => {
    const script = { tools: ['read.file', 'write', 'delete_all', 'x'.repeat(100)].map(tool) };
    const alpha = await recordingBackend(folder.path, 'alpha', {
      ...script,
      calls: { 'read.file': {}, write: {} },
    });
    const beta = await recordingBackend(folder.path, 'beta', { ...script, calls: { write: {} } });
    const client = await serve({
      alpha: {
        ...alpha.entry,
        prefix: '',
        tools: { deny: ['delete_*'], describe: { write: 'Writes.' } },
      },
      beta: { ...beta.entry, prefix: '', tools: { allow: ['write'] } },
    });
    await client.initialize();
    const tools = await client.listTools();
    const [dotted, write, long, other] = tools.map(({ name }) => String(name));
    expect(tools).toHaveLength(4);
    expect(dotted).toMatch(/^read_file_[0-9a-f]{8}$/);
    expect([write, other]).toEqual(['write', 'beta__write']);
    expect(long).toMatch(/^x+_[0-9a-f]{8}$/);
    expect(long?.length).toBe(47);
    expect(tools.map(({ description }) => description)).toEqual([
      undefined,
      'Writes.',
      undefined,
      undefined,
    ]);

    await client.callTool(String(dotted), { message: '1' });
    await client.callTool('beta__write', { message: '2' });
    expect(alpha.calls('tools/call').map(({ params }) => (params as JsonObject)['name'])).toEqual([
      'read.file',
    ]);
    expect(beta.calls('tools/call').map(({ params }) => (params as JsonObject)['name'])).toEqual([
      'write',
    ]);
    expect(await client.request('tools/call', { name: 'delete_all' })).toMatchObject({
      error: { code: -32602 },
    });
  });
});
