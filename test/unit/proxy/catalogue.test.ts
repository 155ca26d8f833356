import { describe, expect, it } from 'vitest';
import type { ClientIdentity } from '../../../src/backend/handshake.ts';
import { McpMasterError } from '../../../src/errors.ts';
import { Catalogue } from '../../../src/proxy/catalogue.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { serverConfig } from '../../support/server-config.ts';

const CLIENT: ClientIdentity = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'test', version: '1' },
};
const SERVER = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  serverInfo: {},
  instructions: 'read me',
};
const TOOLS = [{ name: 'x', extra: { deep: [1] } }];
const FAILURE = new McpMasterError('BACKEND_EXITED', 'gone');

function createDisk(files = new Map<string, string>()) {
  const { log, lines } = memoryLog();
  const store = {
    read: (key: string) => files.get(key),
    write: async (key: string, text: string) => void files.set(key, text),
  };
  const open = (client: Partial<ClientIdentity> = {}) =>
    new Catalogue(store, { ...CLIENT, ...client }, log);
  return { files, lines, open };
}

describe('Catalogue', () => {
  it('remembers from one run to the next what a server offered', () => {
    const { open } = createDisk();
    expect(open().get(serverConfig())).toBeUndefined();
    expect(open().update(serverConfig(), SERVER, TOOLS)).toBe(true);
    expect(open().get(serverConfig())).toEqual({
      tools: TOOLS,
      instructions: 'read me',
      failure: undefined,
    });
  });

  it('tells whether something changed', () => {
    const { open } = createDisk();
    const catalogue = open();
    expect(catalogue.update(serverConfig(), SERVER, TOOLS)).toBe(true);
    expect(catalogue.update(serverConfig(), SERVER, structuredClone(TOOLS))).toBe(false);
    expect(open().update(serverConfig(), SERVER, TOOLS)).toBe(false);
    expect(open().update(serverConfig(), SERVER, [])).toBe(true);
  });

  it.each([
    ['another server', { server: { name: 'beta' }, client: {} }],
    ['another configuration', { server: { fingerprint: 'other' }, client: {} }],
    [
      'a client with other capabilities',
      { server: {}, client: { capabilities: { sampling: {} } } },
    ],
    ['another client', { server: {}, client: { clientInfo: { name: 'other' } } }],
    ['another revision', { server: {}, client: { protocolVersion: '2024-11-05' } }],
  ])('knows nothing for %s', (_, { server, client }) => {
    const { open } = createDisk();
    open().update(serverConfig(), SERVER, TOOLS);
    expect(open(client).get(serverConfig(server))).toBeUndefined();
  });

  it('remembers that a server failed, until it answers', () => {
    const { open } = createDisk();
    expect(open().noteFailure(serverConfig(), FAILURE)).toBe(true);
    expect(open().get(serverConfig())).toEqual({
      tools: [],
      instructions: undefined,
      failure: 'BACKEND_EXITED',
    });
    expect(open().noteFailure(serverConfig(), FAILURE)).toBe(false);
    expect(open().update(serverConfig(), SERVER, TOOLS)).toBe(true);
  });

  it('keeps what a server offered when it fails later', () => {
    const { open } = createDisk();
    open().update(serverConfig(), SERVER, TOOLS);
    expect(open().noteFailure(serverConfig(), FAILURE)).toBe(false);
    expect(open().get(serverConfig())?.tools).toEqual(TOOLS);
  });

  it.each([
    ['half a file', '{"version":1,"tools":['],
    ['another version', '{"version":2,"tools":[]}'],
    ['something else', '[1]'],
    ['no list', '{"version":1,"tools":{}}'],
  ])('ignores %s with a warning', (_, text) => {
    const { open, files, lines } = createDisk();
    open().update(serverConfig(), SERVER, TOOLS);
    for (const key of files.keys()) files.set(key, text);
    expect(open().get(serverConfig())).toBeUndefined();
    expect(lines.join('')).toContain('unreadable');
  });
});
