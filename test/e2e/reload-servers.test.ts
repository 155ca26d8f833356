import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { processAlive, waitFor } from '../support/bin.ts';
import {
  pidsOf,
  reconfigure,
  reloads,
  TOOLS_CHANGED,
  toolNames,
  tools,
  waitForTools,
} from '../support/recording/reload-stage.ts';
import { useStage } from '../support/recording/stage.ts';
import type { Mode, RecordingBackend } from '../support/recording.ts';

const stage = useStage();

/** The same entry with something laid over it. */
function changed({ entry }: RecordingBackend, over: JsonObject): JsonObject {
  return { ...entry, ...over };
}

async function serveAlphaAndBeta() {
  const alpha = await stage.backend('alpha', { tools: tools('read', 'write') });
  const beta = await stage.backend('beta', { tools: tools('ask') });
  const client = await stage.serve({ alpha, beta });
  await waitForTools(client, ['alpha__read', 'alpha__write', 'beta__ask']);
  const heard = () => client.notifications(TOOLS_CHANGED).length;
  return { alpha, beta, client, heard };
}

async function expectGone(pid: number | undefined): Promise<void> {
  await waitFor(() => pid !== undefined && !processAlive(pid), { what: `the end of ${pid}` });
}

describe('while it runs, a server', () => {
  it('that is added is started, and the others are left alone', async () => {
    const { alpha, beta, client, heard } = await serveAlphaAndBeta();
    const gamma = await stage.backend('gamma', { tools: tools('new') });
    const servers = { alpha: alpha.entry, beta: beta.entry, gamma: gamma.entry };
    await reconfigure(client, stage.folder, { servers });
    await client.waitForNotification(TOOLS_CHANGED);
    await waitForTools(client, ['alpha__read', 'alpha__write', 'beta__ask', 'gamma__new']);
    await client.callTool('gamma__new', { message: 'hello' });
    expect(heard()).toBe(1);
    expect([alpha, beta, gamma].map((one) => pidsOf(one).length)).toEqual([1, 1, 1]);
    expect(client.stderr).toContain('in use: added: gamma');
  });

  it('that is removed ends, and its tools are gone', async () => {
    const { alpha, beta, client, heard } = await serveAlphaAndBeta();
    await reconfigure(client, stage.folder, { servers: { beta: beta.entry } });
    await client.waitForNotification(TOOLS_CHANGED);
    expect(await toolNames(client)).toEqual(['beta__ask']);
    await expectGone(pidsOf(alpha)[0]);
    const { error } = await client.request('tools/call', { name: 'alpha__read' });
    expect(error).toMatchObject({ data: { code: 'UNKNOWN_TOOL' } });
    expect(heard()).toBe(1);
    expect(pidsOf(beta)).toHaveLength(1);
  });

  it('that is changed is started anew, alone', async () => {
    const { alpha, beta, client, heard } = await serveAlphaAndBeta();
    const servers = { alpha: changed(alpha, { env: { COLOUR: 'red' } }), beta: beta.entry };
    await reconfigure(client, stage.folder, { servers });
    await waitFor(() => pidsOf(alpha).length === 2, { what: 'the new process' });
    await expectGone(pidsOf(alpha)[0]);
    // What it offered before is shown until it has answered, which is the same.
    expect(await toolNames(client)).toEqual(['alpha__read', 'alpha__write', 'beta__ask']);
    await client.callTool('alpha__read', { message: 'hello' });
    expect(alpha.lines().findLast(({ event }) => event === 'start')?.['env']).toMatchObject({
      COLOUR: 'red',
    });
    expect(pidsOf(beta)).toHaveLength(1);
    expect(heard()).toBe(0);
  });

  it('that offers something else under its new entry is listed as it is now', async () => {
    const { alpha, beta, client } = await serveAlphaAndBeta();
    const other = await stage.backend('other', { tools: tools('fresh') });
    await reconfigure(client, stage.folder, {
      servers: { alpha: other.entry, beta: beta.entry },
    });
    await client.waitForNotification(TOOLS_CHANGED);
    await waitForTools(client, ['alpha__fresh', 'beta__ask']);
    await expectGone(pidsOf(alpha)[0]);
  });

  it('that can not be started under its new entry loses its tools', async () => {
    const { beta, client } = await serveAlphaAndBeta();
    const servers = { alpha: { command: '/no/such/program' }, beta: beta.entry };
    await reconfigure(client, stage.folder, { servers });
    await waitForTools(client, ['beta__ask']);
    expect(client.stderr).toMatch(/server "alpha": .*\/no\/such\/program/);
  });

  it('that is renamed has its tools under the new name', async () => {
    const { alpha, beta, client } = await serveAlphaAndBeta();
    await reconfigure(client, stage.folder, { servers: { omega: alpha.entry, beta: beta.entry } });
    await waitForTools(client, ['beta__ask', 'omega__read', 'omega__write']);
    await expectGone(pidsOf(alpha)[0]);
    expect(pidsOf(beta)).toHaveLength(1);
  });

  it('is disabled and enabled', async () => {
    const { alpha, beta, client } = await serveAlphaAndBeta();
    const off = { alpha: changed(alpha, { enabled: false }), beta: beta.entry };
    await reconfigure(client, stage.folder, { servers: off });
    expect(await toolNames(client)).toEqual(['beta__ask']);
    await expectGone(pidsOf(alpha)[0]);
    await reconfigure(client, stage.folder, { servers: { alpha: alpha.entry, beta: beta.entry } });
    await waitForTools(client, ['alpha__read', 'alpha__write', 'beta__ask']);
    await client.callTool('alpha__read', { message: 'hello' });
    expect(pidsOf(alpha)).toHaveLength(2);
    expect(pidsOf(beta)).toHaveLength(1);
  });

  it('whose entry has become wrong is left out, and named', async () => {
    const { alpha, beta, client } = await serveAlphaAndBeta();
    const wrong = { ...alpha.entry, timeout: 'soon' };
    await reconfigure(client, stage.folder, { servers: { alpha: wrong, beta: beta.entry } });
    expect(await toolNames(client)).toEqual(['beta__ask']);
    expect(client.stderr).toMatch(/config\.json:\d+ servers\.alpha\.timeout: server alpha: /);
    expect(client.stderr).toContain('removed: alpha');
    await expectGone(pidsOf(alpha)[0]);
  });

  it.each<Mode>(['http', 'sse'])(
    'that is reached over %s moves to another address',
    async (mode) => {
      const old = await stage.backend('old', { tools: tools('read') }, mode);
      const young = await stage.backend('young', { tools: tools('read') }, mode);
      const config = { serve: { builtin_tools: false } };
      const client = await stage.serve({ alpha: old }, { config });
      await waitForTools(client, ['alpha__read']);
      await reconfigure(client, stage.folder, { ...config, servers: { alpha: young.entry } });
      await client.callTool('alpha__read', { message: 'x' });
      expect(old.calls('tools/call')).toEqual([]);
      expect(young.calls('tools/call')).toHaveLength(1);
    },
  );

  it('brings resources and prompts with it, of which a client hears that knows these lists', async () => {
    const { alpha, client, heard } = await serveAlphaAndBeta();
    const lists = {
      'resources/list': [{ uri: 'file:///a', name: 'a' }],
      'resources/templates/list': [{ uriTemplate: 'file:///{b}', name: 'b' }],
      'prompts/list': [{ name: 'ask' }],
    };
    const capabilities = { tools: {}, resources: {}, prompts: {} };
    const gamma = await stage.backend('gamma', { tools: [], initialize: { capabilities }, lists });
    expect(await client.result('prompts/list')).toEqual({ prompts: [] });
    expect(await client.result('resources/list')).toEqual({ resources: [] });
    const servers = { alpha: alpha.entry, gamma: gamma.entry };
    await reconfigure(client, stage.folder, { servers });
    await client.waitForNotification('notifications/prompts/list_changed');
    await client.waitForNotification('notifications/resources/list_changed');
    expect(await client.result('prompts/list')).toMatchObject({
      prompts: [{ name: 'gamma__ask' }],
    });
    await reconfigure(client, stage.folder, { servers: { alpha: alpha.entry } });
    await client.waitForNotification('notifications/prompts/list_changed', 2);
    await client.waitForNotification('notifications/resources/list_changed', 2);
    expect(await client.result('resources/list')).toEqual({ resources: [] });
    // `beta` went with the first change; `gamma` has no tools.
    expect(heard()).toBe(1);
  });

  it('is not started by a change before the client has asked for anything', async () => {
    const [alpha, beta] = [await stage.backend('alpha'), await stage.backend('beta')];
    const client = await stage.serve({ alpha });
    await reconfigure(client, stage.folder, { servers: { beta: beta.entry } });
    expect(pidsOf(beta)).toEqual([]);
    expect(await toolNames(client)).toEqual(['beta__echo']);
    expect(pidsOf(alpha)).toEqual([]);
  });
});

describe('while it runs, without any connection being made anew,', () => {
  it.each<[string, JsonObject, string[]]>([
    ['the filter of tools', { tools: { deny: ['write'] } }, ['alpha__read', 'beta__ask']],
    ['the prefix', { prefix: 'a' }, ['a__read', 'a__write', 'beta__ask']],
    ['no prefix', { prefix: '' }, ['beta__ask', 'read', 'write']],
  ])('%s changes, and the client hears of it once', async (_, over, names) => {
    const { alpha, beta, client, heard } = await serveAlphaAndBeta();
    const servers = { alpha: changed(alpha, over), beta: beta.entry };
    await reconfigure(client, stage.folder, { servers });
    await client.waitForNotification(TOOLS_CHANGED);
    expect(await toolNames(client)).toEqual(names);
    await client.callTool(names.find((name) => name.endsWith('read')) ?? '', { message: 'x' });
    expect([...pidsOf(alpha), ...pidsOf(beta)]).toHaveLength(2);
    expect(heard()).toBe(1);
  });

  it('a description changes', async () => {
    const { alpha, beta, client, heard } = await serveAlphaAndBeta();
    const over = { tools: { describe: { read: 'Reads.' } } };
    const servers = { alpha: changed(alpha, over), beta: beta.entry };
    await reconfigure(client, stage.folder, { servers });
    await client.waitForNotification(TOOLS_CHANGED);
    const [read] = await client.listTools();
    expect(read).toMatchObject({ name: 'alpha__read', description: 'Reads.' });
    expect(pidsOf(alpha)).toHaveLength(1);
    expect(heard()).toBe(1);
  });

  it('the order changes', async () => {
    const { alpha, beta, client } = await serveAlphaAndBeta();
    await reconfigure(client, stage.folder, { servers: { beta: beta.entry, alpha: alpha.entry } });
    await client.waitForNotification(TOOLS_CHANGED);
    const names = (await client.listTools()).map(({ name }) => name);
    expect(names).toEqual(['beta__ask', 'alpha__read', 'alpha__write']);
    expect([...pidsOf(alpha), ...pidsOf(beta)]).toHaveLength(2);
  });

  it('the spelling changes, of which nobody hears', async () => {
    const { alpha, beta, client, heard } = await serveAlphaAndBeta();
    const { command, args } = alpha.entry;
    const servers = { alpha: { args: args ?? [], command: command ?? '' }, beta: beta.entry };
    await reconfigure(client, stage.folder, { mcpServers: servers });
    expect(reloads(client)).toBe(1);
    await client.callTool('alpha__read', { message: 'x' });
    expect([...pidsOf(alpha), ...pidsOf(beta)]).toHaveLength(2);
    expect(heard()).toBe(0);
  });

  it('what is shown in another way is known in the next run, too', async () => {
    const { alpha, client } = await serveAlphaAndBeta();
    const servers = { alpha: changed(alpha, { prefix: 'a' }) };
    await reconfigure(client, stage.folder, { servers });
    await client.close();
    // It can't say anything any more: what is listed was remembered.
    const script = { methods: { initialize: { never: true } } };
    await stage.backend('alpha', script);
    const next = await stage.serve(
      { alpha: { ...alpha, entry: servers.alpha } },
      { config: { serve: { first_list_wait: 3600 } } },
    );
    expect(await toolNames(next)).toEqual(['a__read', 'a__write']);
  });
});
