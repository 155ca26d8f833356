import { describe, expect, it, vi } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { McpMasterError } from '../../../src/errors.ts';
import { ClientSession } from '../../../src/proxy/client-session.ts';
import type { SessionDeps } from '../../../src/proxy/open-session.ts';
import type { Message } from '../../../src/rpc/message.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { MemoryTransport } from '../../support/memory-transport.ts';
import { serverConfig } from '../../support/server-config.ts';

const SERVE = { browser: 'never', loginWait: 1, firstListWait: 1, builtinTools: false } as const;
const CONFIG = {
  ...{ file: '/config.json', folder: '/', servers: [], rejected: [], problems: [] },
  serve: { ...SERVE, nameLimit: 47, logLevel: 'info' },
} as unknown as Config; // What sessions without servers read of one.

const INITIALIZE: Message = {
  ...{ jsonrpc: '2.0', id: 0, method: 'initialize' },
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test' } },
};
const request = (id: number | string, method: string): Message => ({ jsonrpc: '2.0', id, method });

/** What is loaded first, the test runner compiles. */
const until = (check: () => void) => vi.waitFor(check, 10_000);

/** A session whose servers can be reached when the test says so. */
async function createSession(
  config = CONFIG,
  read: (key: string) => string | undefined = () => undefined,
) {
  const { log, lines } = memoryLog();
  const deps = {
    ...{ log, processors: 2, desk: { isFor: () => false }, statuses: {} },
    backend: { now: () => 0, surroundings: { platform: 'linux' } },
    credentials: { watch: () => () => undefined, version: () => '' },
  } as unknown as SessionDeps; // No server is configured: the rest is not touched.
  let resolve: (deps: SessionDeps) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const opened = new Promise<SessionDeps>((...settle) => {
    [resolve, reject] = settle;
  });
  opened.catch(() => undefined);
  const open = vi.fn(() => opened);
  const transport = new MemoryTransport();
  const catalogue = { read, write: async () => undefined };
  const serverInfo = { name: 'mcp-master', title: 'MCP Master', version: '1' };
  const session = new ClientSession(transport, config, { serverInfo, catalogue, log }, open);
  await session.start();
  const ids = () => transport.sent.map((message) => ('id' in message ? message.id : undefined));
  return { session, transport, open, ids, lines, deps, resolve, reject };
}

describe('ClientSession', () => {
  it('answers initialize before it asks for what servers are connected with', async () => {
    const { transport, open } = await createSession();
    transport.receive(INITIALIZE);
    await until(() => expect(transport.sent).toHaveLength(1));
    expect(transport.last).toMatchObject({ id: 0, result: { protocolVersion: '2025-11-25' } });
    expect(open).not.toHaveBeenCalled();
    await until(() => expect(open).toHaveBeenCalledOnce());
  });

  it('asks for nothing for a client that has not said initialize', async () => {
    const { transport, open } = await createSession();
    transport.receive(request(1, 'tools/list'));
    await until(() => expect(transport.last).toMatchObject({ id: 1, error: {} }));
    await new Promise(setImmediate);
    expect(open).not.toHaveBeenCalled();
  });

  it('answers what came meanwhile when it can, in the order in which it came', async () => {
    const { transport, open, ids, resolve, deps } = await createSession();
    transport.receive(INITIALIZE);
    transport.receive({ jsonrpc: '2.0', method: 'notifications/initialized' });
    for (const id of [1, 2, 'three']) transport.receive(request(id, 'tools/list'));
    await until(() => expect(open).toHaveBeenCalledOnce());
    expect(ids()).toEqual([0]);
    resolve(deps);
    await until(() => expect(ids()).toEqual([0, 1, 2, 'three']));
    expect(transport.last).toMatchObject({ result: { tools: [] } });
    transport.receive(request(4, 'prompts/list'));
    await until(() => expect(transport.last).toMatchObject({ id: 4, result: {} }));
    expect(open).toHaveBeenCalledOnce();
  });

  it('answers a ping while it can answer nothing else', async () => {
    const { transport, ids } = await createSession();
    transport.receive(INITIALIZE);
    transport.receive(request(1, 'tools/list'));
    transport.receive(request(2, 'ping'));
    await until(() => expect(ids()).toEqual([0, 2]));
  });

  it('does not answer what was withdrawn meanwhile', async () => {
    const { transport, ids, resolve, deps } = await createSession();
    transport.receive(INITIALIZE);
    transport.receive(request(1, 'tools/list'));
    transport.receive(request(2, 'tools/list'));
    const params = { requestId: 1 };
    transport.receive({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    resolve(deps);
    await until(() => expect(ids()).toEqual([0, 2]));
  });

  it('says why, for each request, when no server can be reached at all', async () => {
    const { transport, reject, lines } = await createSession();
    transport.receive(INITIALIZE);
    transport.receive(request(1, 'tools/list'));
    reject(new McpMasterError('CONFIG_INVALID', 'the stores are of no use'));
    const error = { data: { code: 'CONFIG_INVALID' } };
    await until(() => expect(transport.last).toMatchObject({ id: 1, error }));
    transport.receive(request(2, 'tools/call'));
    await until(() => expect(transport.last).toMatchObject({ id: 2, error }));
    expect(lines.join('\n')).toContain('the stores are of no use');
  });

  it('ends when its client goes before its servers could be reached, and asks none', async () => {
    const { session, transport, open, ids, resolve, deps } = await createSession();
    transport.receive(INITIALIZE);
    transport.receive(request(1, 'tools/list'));
    await until(() => expect(open).toHaveBeenCalledOnce());
    transport.onclose?.();
    await session.gone;
    resolve(deps);
    await session.done;
    expect(ids()).toEqual([0]);
  });

  it('is initialized once', async () => {
    const { transport } = await createSession();
    transport.receive(INITIALIZE);
    transport.receive({ ...INITIALIZE, id: 1 });
    await until(() => expect(transport.last).toMatchObject({ id: 1, error: {} }));
  });

  it('says nothing of what a server offers that is not enabled', async () => {
    const servers = [serverConfig({ name: 'on' }), serverConfig({ name: 'off', enabled: false })];
    const lists = { tools: [], resources: [], resourceTemplates: [], prompts: [] };
    const read = (key: string) => {
      const [name] = key.split('-');
      const capabilities = { tasks: { [String(name)]: {} } };
      return JSON.stringify({ version: 2, ...lists, capabilities, instructions: `${name} says` });
    };
    const { transport } = await createSession({ ...CONFIG, servers }, read);
    transport.receive(INITIALIZE);
    await until(() => expect(transport.sent).toHaveLength(1));
    const { capabilities, instructions } = Object(Object(transport.last)['result']);
    expect(capabilities.tasks).toEqual({ on: {} });
    expect(instructions).toBe('# on\n\non says');
  });
});
