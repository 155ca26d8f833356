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
const TOOLS = [{ name: 'x', extra: { deep: [1] } }];
const OFFER = { tools: TOOLS, instructions: 'read me', capabilities: { tools: {} } };
const KNOWN = { ...OFFER, resources: [], resourceTemplates: [], prompts: [], failure: undefined };
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
  it('remembers from one run to the next what a server offered', async () => {
    const { open } = createDisk();
    expect(open().get(serverConfig())).toBeUndefined();
    open().update(serverConfig(), OFFER);
    expect(open().get(serverConfig())).toEqual(KNOWN);
  });

  it('tells which lists have changed, and keeps those that it is not told of', () => {
    const { open } = createDisk();
    const catalogue = open();
    expect(catalogue.update(serverConfig(), OFFER)).toEqual(new Set(['tools']));
    expect(catalogue.update(serverConfig(), structuredClone(OFFER))).toEqual(new Set());
    expect(open().update(serverConfig(), OFFER)).toEqual(new Set());
    expect(open().update(serverConfig(), { prompts: [{ name: 'p' }] })).toEqual(
      new Set(['prompts']),
    );
    expect(open().get(serverConfig())).toEqual({ ...KNOWN, prompts: [{ name: 'p' }] });
  });

  it('remembers a server that offers nothing', () => {
    const { open } = createDisk();
    expect(open().update(serverConfig(), {})).toEqual(new Set());
    expect(open().get(serverConfig())).toMatchObject({ tools: [], capabilities: {} });
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
    open().update(serverConfig(), OFFER);
    expect(open(client).get(serverConfig(server))).toBeUndefined();
  });

  it('remembers that a server failed, until it answers', () => {
    const { open } = createDisk();
    open().noteFailure(serverConfig(), FAILURE);
    expect(open().get(serverConfig())).toMatchObject({ tools: [], failure: 'BACKEND_EXITED' });
    open().update(serverConfig(), OFFER);
    expect(open().get(serverConfig())).toEqual(KNOWN);
  });

  it('keeps what a server offered when it fails later', () => {
    const { open } = createDisk();
    open().update(serverConfig(), OFFER);
    open().noteFailure(serverConfig(), FAILURE);
    expect(open().get(serverConfig())).toEqual(KNOWN);
  });

  it.each([
    ['half a file', '{"version":2,"tools":['],
    [
      'another version',
      '{"version":1,"tools":[],"resources":[],"resourceTemplates":[],"prompts":[]}',
    ],
    ['something else', '[1]'],
    ['no list', '{"version":2,"tools":{},"resources":[],"resourceTemplates":[],"prompts":[]}'],
  ])('ignores %s with a warning', (_, text) => {
    const { open, files, lines } = createDisk();
    open().update(serverConfig(), OFFER);
    for (const key of files.keys()) files.set(key, text);
    expect(open().get(serverConfig())).toBeUndefined();
    expect(lines.join('')).toContain('unreadable');
  });
});
