import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/rpc/message.ts';
import { processAlive, waitFor } from '../support/bin.ts';
import { pidsOf, reconfigure, tools, waitForTools } from '../support/recording/reload-stage.ts';
import { useStage } from '../support/recording/stage.ts';
import type { RecordingBackend } from '../support/recording.ts';
import type { RecordingClient, Responder } from '../support/recording-client.ts';

const stage = useStage();

/** A tool that answers when the client has answered what it asks: a call is as long as a test wants. */
const ASKING = {
  tools: tools('ask'),
  calls: { ask: { steps: [{ request: { method: 'roots/list' } }] } },
};

/** Servers `alpha`, of which each call waits for the client, and `beta`, which is never changed. */
async function serveSlowAlpha(): Promise<{
  alpha: RecordingBackend;
  beta: RecordingBackend;
  client: RecordingClient;
  /** Lets the calls that wait go on. */
  answer(): void;
  /** How many calls wait. */
  waiting(): number;
}> {
  let answers: (() => void)[] = [];
  const respond: Responder = ({ method }) => {
    if (method !== 'roots/list') return { error: { code: -32601, message: method } };
    return new Promise((resolve) => {
      answers.push(() => resolve({ result: { roots: [] } }));
    });
  };
  const alpha = await stage.backend('alpha', ASKING);
  const beta = await stage.backend('beta');
  const client = await stage.serve({ alpha, beta }, { capabilities: { roots: {} }, respond });
  await waitForTools(client, ['alpha__ask', 'beta__echo']);
  const answer = () => {
    for (const one of answers) one();
    answers = [];
  };
  return { alpha, beta, client, answer, waiting: () => answers.length };
}

const ANSWERED = { structuredContent: { arguments: {}, replies: [{ result: { roots: [] } }] } };

describe('a call that is under way while the configuration changes', () => {
  it.each<[string, (alpha: JsonObject) => JsonObject]>([
    ['another server', (alpha) => ({ alpha, gamma: { url: 'http://127.0.0.1:9/mcp' } })],
    ['the filter of its server', (alpha) => ({ alpha: { ...alpha, tools: { allow: ['x'] } } })],
  ])('gets its answer over the connection that stays: %s', async (_, change) => {
    const { alpha, beta, client, answer, waiting } = await serveSlowAlpha();
    const call = client.callTool('alpha__ask');
    await waitFor(() => waiting() === 1);
    const servers = { beta: beta.entry, ...change(alpha.entry) };
    await reconfigure(client, stage.folder, { servers });
    answer();
    expect(await call).toMatchObject(ANSWERED);
    expect(pidsOf(alpha)).toHaveLength(1);
    expect(pidsOf(alpha).every(processAlive)).toBe(true);
  });

  it.each<[string, (alpha: JsonObject) => JsonObject]>([
    ['changed', (alpha) => ({ alpha: { ...alpha, env: { COLOUR: 'red' } } })],
    ['removed', () => ({})],
    ['disabled', (alpha) => ({ alpha: { ...alpha, enabled: false } })],
  ])('gets its answer from a server that is %s, which ends then', async (_, change) => {
    const { alpha, beta, client, answer, waiting } = await serveSlowAlpha();
    const call = client.callTool('alpha__ask');
    await waitFor(() => waiting() === 1);
    const servers = { beta: beta.entry, ...change(alpha.entry) };
    await reconfigure(client, stage.folder, { servers });
    const [old] = pidsOf(alpha);
    expect(old !== undefined && processAlive(old)).toBe(true);
    answer();
    expect(await call).toMatchObject(ANSWERED);
    await waitFor(() => old !== undefined && !processAlive(old), { what: 'the end of alpha' });
  });

  it('may be withdrawn, which lets the server end', async () => {
    const { alpha, beta, client, waiting } = await serveSlowAlpha();
    const params = { name: 'alpha__ask' };
    client.send({ jsonrpc: '2.0', id: 'the call', method: 'tools/call', params });
    await waitFor(() => waiting() === 1);
    await reconfigure(client, stage.folder, { servers: { beta: beta.entry } });
    expect(pidsOf(alpha).filter(processAlive)).toHaveLength(1);
    client.notify('notifications/cancelled', { requestId: 'the call' });
    await waitFor(() => pidsOf(alpha).filter(processAlive).length === 0);
    expect(client.strayAnswers).toEqual([]);
  });

  it('has the time that its server is given, and is told what has ended it', async () => {
    const steps = Array.from({ length: 100 }, (_, progress) => [
      { wait: 200 },
      { progress: { progress } },
    ]);
    const script = { tools: tools('work'), calls: { work: { steps: steps.flat() } } };
    const alpha = await stage.backend('alpha', script);
    const entry = { ...alpha.entry, timeout: 1 };
    const client = await stage.serve({ alpha: { ...alpha, entry } });
    await waitForTools(client, ['alpha__work']);
    const meta = { progressToken: 'p' };
    const call = client.request('tools/call', { name: 'alpha__work', _meta: meta });
    await client.waitForNotification('notifications/progress');
    await reconfigure(client, stage.folder, { servers: {} });
    const { error } = await call;
    expect(error).toMatchObject({ data: { code: 'INTERRUPTED' } });
    expect(error?.message).toContain('because the configuration was changed');
    await waitFor(() => pidsOf(alpha).filter(processAlive).length === 0);
  });

  it('does not keep those that follow from the new connection', async () => {
    const { alpha, beta, client, answer, waiting } = await serveSlowAlpha();
    const first = client.callTool('alpha__ask');
    await waitFor(() => waiting() === 1);
    const servers = { alpha: { ...alpha.entry, env: { COLOUR: 'red' } }, beta: beta.entry };
    await reconfigure(client, stage.folder, { servers });
    const second = client.callTool('alpha__ask');
    await waitFor(() => waiting() === 2);
    expect(pidsOf(alpha).filter(processAlive)).toHaveLength(2);
    answer();
    expect(await Promise.all([first, second])).toMatchObject([ANSWERED, ANSWERED]);
    await waitFor(() => pidsOf(alpha).filter(processAlive).length === 1);
  });

  it('ends with the client, and so does a server that was let go', async () => {
    const { alpha, beta, client, waiting } = await serveSlowAlpha();
    const id = 'the call';
    client.send({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'alpha__ask' } });
    await waitFor(() => waiting() === 1);
    await reconfigure(client, stage.folder, { servers: { beta: beta.entry } });
    expect(pidsOf(alpha).filter(processAlive)).toHaveLength(1);
    expect(await client.close()).toMatchObject({ code: 0, killed: false });
    expect([...pidsOf(alpha), ...pidsOf(beta)].filter(processAlive)).toEqual([]);
  });
});

describe('a server of which there can be only one', () => {
  it('is started when the one before it has ended', async () => {
    const alpha = await stage.backend('alpha');
    const client = await stage.serve({ alpha });
    await waitForTools(client, ['alpha__echo']);
    await reconfigure(client, stage.folder, {
      servers: { alpha: { ...alpha.entry, env: { COLOUR: 'red' } } },
    });
    await waitFor(() => pidsOf(alpha).length === 2, { what: 'the new process' });
    const events = alpha.lines().flatMap(({ event }) => event ?? []);
    expect(events.filter((event) => event === 'start' || event === 'end')).toEqual([
      'start',
      'end',
      'start',
    ]);
  });
});
