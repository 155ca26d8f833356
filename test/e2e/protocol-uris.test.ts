import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { waitFor } from '../support/bin.ts';
import { expectRelayed, RICH, SCHEMA, useStage } from '../support/recording/stage.ts';
import type { RecordingBackend } from '../support/recording.ts';
import type { RecordingClient } from '../support/recording-client.ts';

/** Whose URI, and whose name: two servers that offer the same ones, and what is listed nowhere. */

const SAME = { uri: 'file:///ü same?a=b#c', name: 'same', ...RICH };
const TEMPLATE = { uriTemplate: 'db://{table}/rows{?limit}', name: 'rows', ...RICH };
const ALIAS = `mcp-master://beta/${encodeURIComponent(SAME.uri)}`;
const VIEW = { ui: { resourceUri: 'ui://beta/view' } };
const OLD_VIEW = { 'ui/resourceUri': 'ui://beta/old-view' };

function script(name: string, more: { tools?: object[]; templates?: object[] } = {}) {
  return {
    initialize: { capabilities: { tools: {}, resources: { subscribe: true }, prompts: {} } },
    tools: [{ name: 'play', ...SCHEMA }, ...(more.tools ?? [])],
    lists: {
      'resources/list': [SAME, { uri: `file:///${name}`, name }],
      'resources/templates/list': [TEMPLATE, ...(more.templates ?? [])],
      'prompts/list': [{ name: 'same', ...RICH }, { name: 'with.dot' }],
    },
    calls: { play: 'arguments' },
    methods: {
      'resources/read': { result: read(name) },
      'resources/subscribe': { result: {} },
      'resources/unsubscribe': { result: {} },
      'completion/complete': { result: { completion: { values: [name] } } },
      'prompts/get': { result: { messages: [], description: name } },
    },
  };
}

/** What a server answers to reading: verbatim, whatever the URI that was asked for. */
function read(name: string) {
  return { contents: [{ uri: SAME.uri, text: `of ${name}`, ...RICH }], ...RICH };
}

const stage = useStage();
let alpha: RecordingBackend;
let beta: RecordingBackend;
let client: RecordingClient;
beforeEach(async () => {
  const tools = [
    { name: 'viewed', ...SCHEMA, _meta: VIEW },
    { name: 'viewed-once', ...SCHEMA, _meta: OLD_VIEW },
  ];
  const templates = [{ uriTemplate: 'beta://{id}', name: 'own' }];
  alpha = await stage.backend('alpha', script('alpha'));
  beta = await stage.backend('beta', script('beta', { tools, templates }), 'http');
  client = await stage.serve({ alpha, beta });
  await client.listTools();
});

/** The read of `uri` reaches `server` as `own`, and nobody else. */
async function expectReadBy(server: RecordingBackend, uri: string, own = uri): Promise<void> {
  const [name, other] = server === alpha ? ['alpha', beta] : ['beta', alpha];
  const before = other.calls('resources/read').length;
  await expectRelayed(client, server, {
    method: 'resources/read',
    params: { uri, ...RICH },
    seen: { uri: own, ...RICH },
    answer: { result: read(name) },
  });
  expect(other.calls('resources/read')).toHaveLength(before);
}

/** What the client is told of a URI when a server says that it was updated. */
async function updateSeen(server: 'alpha' | 'beta', uri: string): Promise<JsonObject[]> {
  const method = 'notifications/resources/updated';
  const before = client.notifications(method).length;
  const notify = { method, params: { uri, ...RICH } };
  await client.callTool(`${server}__play`, { steps: [{ notify }] });
  await waitFor(() => client.notifications(method).length > before);
  return client.notifications(method).slice(before);
}

const updated = (uri: string) => ({
  ...{ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri, ...RICH } },
});

describe('two servers with one URI', () => {
  it('are both listed, the second under an alias', async () => {
    expect(await client.result('resources/list')).toStrictEqual({
      resources: [
        SAME,
        { uri: 'file:///alpha', name: 'alpha' },
        { ...SAME, uri: ALIAS },
        { uri: 'file:///beta', name: 'beta' },
      ],
    });
  });

  it('are read each by its own', async () => {
    await expectReadBy(alpha, SAME.uri);
    await expectReadBy(beta, ALIAS, SAME.uri);
    await expectReadBy(alpha, 'file:///alpha');
    await expectReadBy(beta, 'file:///beta');
  });

  it.each(['resources/subscribe', 'resources/unsubscribe'])(
    'get each its own %s',
    async (method) => {
      const answer = { result: {} };
      const [own, seen] = [
        { uri: SAME.uri, ...RICH },
        { uri: SAME.uri, ...RICH },
      ];
      await expectRelayed(client, alpha, { method, params: own, answer });
      await expectRelayed(client, beta, { method, params: { ...own, uri: ALIAS }, seen, answer });
      expect(alpha.calls(method)).toHaveLength(1);
    },
  );

  it('are told apart when they change', async () => {
    expect(await updateSeen('alpha', SAME.uri)).toStrictEqual([updated(SAME.uri)]);
    expect(await updateSeen('beta', SAME.uri)).toStrictEqual([updated(ALIAS)]);
    expect(await updateSeen('beta', 'file:///beta')).toStrictEqual([updated('file:///beta')]);
  });
});

describe('two servers with one template', () => {
  const listed = 'mcp-master://beta/db%3A%2F%2F{table}%2Frows{?limit}';
  const expanded = 'mcp-master://beta/db%3A%2F%2Fusers%2Frows?limit=5';

  it('are both listed, the second under an alias with the same expressions', async () => {
    expect(await client.result('resources/templates/list')).toStrictEqual({
      resourceTemplates: [
        TEMPLATE,
        { ...TEMPLATE, uriTemplate: listed },
        { uriTemplate: 'beta://{id}', name: 'own' },
      ],
    });
  });

  it('are read each by its own', async () => {
    await expectReadBy(alpha, 'db://users/rows?limit=5');
    await expectReadBy(beta, expanded, 'db://users/rows?limit=5');
  });

  it('keep what is encoded in a value', () =>
    // `{table}` with the value "a/ü".
    expectReadBy(beta, 'mcp-master://beta/db%3A%2F%2Fa%2F%C3%BC%2Frows', 'db://a%2F%C3%BC/rows'));

  it('are told apart when what a client follows by them changes', async () => {
    const uri = 'db://users/rows?limit=5';
    await client.result('resources/subscribe', { uri: expanded });
    expect(await updateSeen('beta', uri)).toStrictEqual([updated(expanded)]);
    expect(await updateSeen('alpha', uri)).toStrictEqual([updated(uri)]);
  });

  it('complete their arguments each by itself', async () => {
    const method = 'completion/complete';
    const argument = { name: 'table', value: '' };
    const own = { ref: { type: 'ref/resource', uri: TEMPLATE.uriTemplate }, argument };
    const params = { ref: { type: 'ref/resource', uri: listed }, argument };
    const answer = (name: string) => ({ result: { completion: { values: [name] } } });
    await expectRelayed(client, alpha, { method, params: own, answer: answer('alpha') });
    await expectRelayed(client, beta, { method, params, seen: own, answer: answer('beta') });
  });
});

describe('a URI that is listed nowhere', () => {
  it('goes to the server with a template that fits', () => expectReadBy(beta, 'beta://7'));

  it('goes to the server whose tool names it as its view', async () => {
    await expectReadBy(beta, 'ui://beta/view');
    await expectReadBy(beta, 'ui://beta/old-view');
  });

  it.each([
    ['in a link', { type: 'resource_link', uri: 'x://1', name: 'x' }],
    ['embedded', { type: 'resource', resource: { uri: 'x://1', text: '' } }],
  ])('goes to the server whose result had it %s', async (_, block) => {
    expect(await client.request('resources/read', { uri: 'x://1' }, 'early')).toStrictEqual({
      jsonrpc: '2.0',
      id: 'early',
      error: { code: -32002, message: 'Resource not found: x://1', data: { uri: 'x://1' } },
    });
    await client.callTool('beta__play', { result: { content: [block] } });
    await expectReadBy(beta, 'x://1');
    await client.callTool('alpha__play', { result: { content: [block] } });
    await expectReadBy(alpha, 'x://1');
  });

  it('goes to no server that the client can only guess', async () => {
    for (const uri of ['mcp-master://nobody/a', 'mcp-master://beta', 'mcp-master://beta/%E0']) {
      const { error } = await client.request('resources/read', { uri });
      expect(error).toMatchObject({ code: -32002, data: { uri } });
    }
    expect(alpha.calls('resources/read')).toEqual([]);
    expect(beta.calls('resources/read')).toEqual([]);
  });
});

describe('the names of prompts', () => {
  it('are qualified like those of tools, and lead back to their servers', async () => {
    const { prompts } = await client.result('prompts/list');
    const [one, dotted, two, other] = prompts as JsonObject[];
    expect(one).toStrictEqual({ name: 'alpha__same', ...RICH });
    expect(two).toStrictEqual({ name: 'beta__same', ...RICH });
    expect(dotted?.['name']).toMatch(/^alpha__with_dot_[0-9a-f]{8}$/);
    expect(other?.['name']).toMatch(/^beta__with_dot_[0-9a-f]{8}$/);
    const answer = { result: { messages: [], description: 'beta' } };
    const method = 'prompts/get';
    for (const [prompt, name] of [
      [two, 'same'],
      [other, 'with.dot'],
    ] as const) {
      const params = { name: prompt?.['name'], ...RICH };
      await expectRelayed(client, beta, { method, params, seen: { ...RICH, name }, answer });
    }
    expect(alpha.calls(method)).toEqual([]);
  });
});
