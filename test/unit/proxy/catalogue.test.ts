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

describe('Catalogue, of a server that is configured in another way', () => {
  const OTHER = serverConfig({ fingerprint: 'other' });

  it('takes what is known for true until the server has answered', () => {
    const { open } = createDisk();
    const catalogue = open();
    catalogue.update(serverConfig(), OFFER);
    catalogue.presume(OTHER);
    expect(catalogue.get(OTHER)).toEqual(KNOWN);
    // It is known in this run alone.
    expect(open().get(OTHER)).toBeUndefined();
    expect(catalogue.update(OTHER, OFFER)).toEqual(new Set());
    expect(open().get(OTHER)).toEqual(KNOWN);
  });

  it('forgets what was taken for true when it fails, and says so', () => {
    const { open } = createDisk();
    const catalogue = open();
    catalogue.update(serverConfig(), OFFER);
    catalogue.presume(OTHER);
    expect(catalogue.noteFailure(OTHER, FAILURE)).toEqual(new Set(['tools']));
    expect(catalogue.get(OTHER)).toMatchObject({ tools: [], failure: 'BACKEND_EXITED' });
    expect(catalogue.noteFailure(OTHER, FAILURE)).toEqual(new Set());
  });

  it('goes by what it offered under that configuration in an earlier run', () => {
    const { open } = createDisk();
    open().update(OTHER, { tools: [{ name: 'y' }] });
    const catalogue = open();
    catalogue.update(serverConfig(), OFFER);
    catalogue.presume(OTHER);
    expect(catalogue.get(OTHER)).toMatchObject({ tools: [{ name: 'y' }] });
  });

  it('knows nothing when it had failed before', () => {
    const { open } = createDisk();
    const catalogue = open();
    catalogue.noteFailure(serverConfig(), FAILURE);
    catalogue.presume(OTHER);
    expect(catalogue.get(OTHER)).toBeUndefined();
  });

  it('remembers under its new configuration what has not to be asked again', () => {
    const { open } = createDisk();
    const catalogue = open();
    catalogue.update(serverConfig(), OFFER);
    catalogue.remember(OTHER);
    expect(open().get(OTHER)).toEqual(KNOWN);
  });

  it('remembers nothing that was only taken for true', () => {
    const { open } = createDisk();
    const catalogue = open();
    catalogue.update(serverConfig(), OFFER);
    catalogue.presume(OTHER);
    catalogue.remember(OTHER);
    expect(open().get(OTHER)).toBeUndefined();
  });

  it('knows nothing of one that was forgotten but what is on disk', () => {
    const { open } = createDisk();
    const catalogue = open();
    catalogue.update(serverConfig(), OFFER, { remember: false });
    catalogue.forget('alpha');
    expect(catalogue.get(serverConfig())).toBeUndefined();
  });
});
