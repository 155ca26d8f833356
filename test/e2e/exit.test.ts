import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTempFolder, processAlive, type TempFolder, waitFor } from '../support/bin.ts';
import { type RecordingBackend, recordingBackend } from '../support/recording.ts';
import {
  type RecordingClient,
  type ServeOptions,
  startServe,
} from '../support/recording-client.ts';

let folder: TempFolder;
let client: RecordingClient | undefined;
beforeEach(async () => {
  folder = await createTempFolder();
});
afterEach(async () => {
  await client?.close();
  await folder.remove();
});

/** A session with two servers that run, and their pids. */
async function serve(
  options: ServeOptions = {},
): Promise<{ session: RecordingClient; pids: number[] }> {
  const script = { calls: { echo: { never: true } } };
  const backends = [
    await recordingBackend(folder.path, 'alpha', script),
    await recordingBackend(folder.path, 'beta', script),
  ];
  const [alpha, beta] = backends.map(({ entry }) => entry);
  const session = await startServe({ servers: { alpha, beta } }, options);
  client = session;
  await session.initialize();
  await session.listTools();
  return { session, pids: backends.map(pidOf) };
}

function pidOf({ lines }: RecordingBackend): number {
  return Number(lines().find(({ event }) => event === 'start')?.['pid']);
}

async function expectGone(pids: number[]): Promise<void> {
  for (const pid of pids) await waitFor(() => !processAlive(pid), { what: `the end of ${pid}` });
}

describe('the end of serve', () => {
  it('comes with the end of its stdin, also in the middle of calls', async () => {
    const { session, pids } = await serve();
    session.send({
      jsonrpc: '2.0',
      id: 'x',
      method: 'tools/call',
      params: { name: 'alpha__echo' },
    });
    expect(await session.close()).toMatchObject({ code: 0, signal: null, killed: false });
    await expectGone(pids);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('comes with %s', async (signal) => {
    const { session, pids } = await serve();
    session.kill(signal);
    expect(await session.waitForExit()).toEqual({ code: 130, signal: null });
    await expectGone(pids);
  });

  it('takes the servers with it when it is killed', async () => {
    const { session, pids } = await serve();
    session.kill('SIGKILL');
    await session.waitForExit();
    await expectGone(pids);
  });

  it('comes before a session began, too', async () => {
    client = await startServe({ servers: {} });
    expect(await client.close()).toMatchObject({ code: 0, killed: false });
  });

  it('does not wait for a server that is just starting', async () => {
    const slow = await recordingBackend(folder.path, 'slow', {
      methods: { initialize: { never: true } },
    });
    client = await startServe({ servers: { slow: slow.entry } });
    await client.initialize();
    client.send({ jsonrpc: '2.0', id: 'x', method: 'tools/list' });
    await waitFor(() => slow.received().length > 0);
    expect(await client.close()).toMatchObject({ code: 0, killed: false });
    await expectGone([pidOf(slow)]);
  });
});

describe('stdout of serve', () => {
  it('carries JSON-RPC and nothing else, also when a library prints', async () => {
    const noise = `setTimeout(() => { console.log('noise of a library'); process.stdout.write('more noise'); }, 800);`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(noise)}`;
    const { session } = await serve({ env: { NODE_OPTIONS }, args: ['--log-level', 'debug'] });
    await waitFor(
      () => session.stderr.includes('noise of a library') && session.stderr.includes('more noise'),
    );
    await session.listTools();
    expect(session.badLines).toEqual([]);
  });
});

describe('without a configuration', () => {
  it('starts, offers nothing, and says what to do on stderr and in its instructions', async () => {
    client = await startServe(undefined);
    const { instructions } = await client.initialize();
    expect(instructions).toMatch(/no configuration yet.*config\.yaml/s);
    expect(await client.listTools()).toEqual([]);
    expect(client.stderr).toMatch(/warn .*no configuration yet.*config\.yaml/);
  });

  it('with a wrong entry, names it in the instructions and on stderr, and serves the others', async () => {
    const alpha = await recordingBackend(folder.path, 'alpha');
    client = await startServe({
      servers: {
        alpha: alpha.entry,
        broken: { url: 'ftp://x' },
        unset: { command: 'env:NO_SUCH_VARIABLE' },
      },
    });
    const { instructions } = await client.initialize();
    expect(instructions).toContain('- broken: ');
    expect(instructions).toContain('NO_SUCH_VARIABLE');
    expect(client.stderr).toMatch(/error .*broken/);
    expect((await client.listTools()).map(({ name }) => name)).toEqual(['alpha__echo']);
  });
});
