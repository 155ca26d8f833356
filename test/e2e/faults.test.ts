import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createTempFolder,
  processAlive,
  runBin,
  supportProgram,
  type TempFolder,
  waitFor,
  writeConfig,
} from '../support/bin.ts';
import { recordingBackend } from '../support/recording.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

const GOOD = {
  command: process.execPath,
  args: [supportProgram('recording-backend.mjs'), 'stdio'],
};

function bad(...args: string[]) {
  return { command: process.execPath, args: [supportProgram('misbehaving-backend.mjs'), ...args] };
}

let folder: TempFolder;
let client: RecordingClient | undefined;
beforeEach(async () => {
  folder = await createTempFolder();
});
afterEach(async () => {
  await client?.close();
  client = undefined;
  await folder.remove();
});

/** A session with a good server and one that is not. */
async function serveBeside(entry: object): Promise<RecordingClient> {
  client = await startServe({ servers: { bad: entry, good: GOOD } });
  await client.initialize();
  return client;
}

/** The good server answers as if it were alone. */
async function expectGood(session: RecordingClient): Promise<void> {
  const result = await session.callTool('good__echo', { message: 'fine' });
  expect(result).toEqual({ content: [{ type: 'text', text: 'fine' }] });
}

describe('a server that can not be had is in error alone, with its reason', () => {
  it.each([
    [
      'whose command does not exist',
      { command: 'no-such-command-anywhere' },
      'COMMAND_NOT_FOUND',
      [/"no-such-command-anywhere": not found/],
    ],
    [
      'whose folder does not exist',
      { ...GOOD, cwd: '/no/such/folder' },
      'COMMAND_NOT_FOUND',
      [/\/no\/such\/folder/],
    ],
    [
      'that exits at once',
      bad('exits-at-once'),
      'BACKEND_EXITED',
      [/code 3/, /the database is locked/],
    ],
    [
      'that never answers',
      { ...bad('never-answers'), startup_timeout: 1 },
      'BACKEND_TIMEOUT',
      [/not ready within 1 s/],
    ],
    [
      'that answers too late',
      { ...bad('slow-start', '20000'), startup_timeout: 1 },
      'BACKEND_TIMEOUT',
      [/not ready within 1 s/],
    ],
    [
      'that prints rubbish',
      { ...bad('rubbish'), startup_timeout: 1 },
      'BACKEND_TIMEOUT',
      [/instead of JSON-RPC/, /Loading module 1 of 20/],
    ],
    ['that speaks an unknown revision', bad('bad-version'), 'BACKEND_PROTOCOL', [/"1999-01-01"/]],
    ['whose list has no end', bad('endless-pages'), 'BACKEND_PROTOCOL', [/more than 1000 pages/]],
    [
      'whose list goes in a circle',
      bad('endless-pages', 'same'),
      'BACKEND_PROTOCOL',
      [/the same cursor twice/],
    ],
  ])('%s', async (_, entry, code, reasons) => {
    const session = await serveBeside(entry);
    expect((await session.listTools()).map(({ name }) => name)).toEqual(['good__echo']);
    await expectGood(session);
    const unknown = await session.request('tools/call', { name: 'bad__echo' });
    expect(unknown.error).toMatchObject({
      code: -32602,
      data: { code: 'UNKNOWN_TOOL', near: ['good__echo'] },
    });

    const file = await writeConfig(folder.path, { servers: { bad: entry, good: GOOD } });
    const listed = await runBin(['list', '--json', '--config', file]);
    expect(listed.code).toBe(1);
    const [first, second] = JSON.parse(listed.stdout);
    expect(second).toMatchObject({ server: 'good', state: 'ready', tools: 1, error: null });
    expect(first).toMatchObject({
      server: 'bad',
      state: 'error',
      tools: null,
      error: { code, hint: expect.any(String) },
    });
    for (const reason of reasons) expect(first.error.message).toMatch(reason);
  });
});

describe('a server with bad manners works all the same', () => {
  it.each([
    ['that starts slowly', bad('slow-start', '1500')],
    ['that prints a banner', bad('banner')],
    ['that writes in pieces, within characters, too', bad('pieces')],
    ['that answers what nobody asked', bad('unknown-id')],
    ['that answers twice', bad('same-id-twice')],
    ['that answers in batches', bad('batch')],
    ['that floods its stderr', bad('floods-stderr')],
    ['that lists a tool twice', bad('duplicate-tools')],
  ])('%s', async (_, entry) => {
    const session = await serveBeside(entry);
    expect((await session.listTools()).map(({ name }) => name)).toEqual([
      'bad__echo',
      'good__echo',
    ]);
    const result = await session.callTool('bad__echo', { message: 'hé🎉llo' });
    expect(result).toEqual({ content: [{ type: 'text', text: 'hé🎉llo' }] });
    await expectGood(session);
    expect(session.strayAnswers).toEqual([]);
  });
});

describe('a call that goes wrong fails alone, with its reason', () => {
  it.each([
    [
      'an answer of 20 MB, its id first',
      'huge',
      'huge_id_first',
      'MESSAGE_TOO_LARGE',
      /over 16 MiB/,
    ],
    [
      'an answer of 20 MB, its id last',
      'huge',
      'huge_result_first',
      'MESSAGE_TOO_LARGE',
      /over 16 MiB/,
    ],
    ['an answer that is not UTF-8', 'invalid-utf8', 'invalid', 'BACKEND_PROTOCOL', /not UTF-8/],
    [
      'a crash',
      'crash-on-call',
      'crash',
      'BACKEND_EXITED',
      /server "bad": the server process ended with code 7; .*stderr/,
    ],
  ])('%s', async (_, fault, tool, code, reason) => {
    const session = await serveBeside(bad(fault));
    const answer = await session.request('tools/call', { name: `bad__${tool}` });
    expect(answer.error).toMatchObject({
      code: -32000,
      message: expect.stringMatching(reason),
      data: { code, hint: expect.any(String) },
    });
    await expectGood(session);
    // The same server, started anew where it had to be.
    expect(await session.callTool('bad__echo', { message: 'again' })).toEqual({
      content: [{ type: 'text', text: 'again' }],
    });
  });

  it('a call without an answer in time, and the server is told that nobody waits', async () => {
    const script = { calls: { echo: [{ never: true }, {}] } };
    const slow = await recordingBackend(folder.path, 'slow', script);
    const session = await serveBeside({ ...slow.entry, timeout: 1 });
    const answer = await session.request('tools/call', { name: 'bad__echo' });
    expect(answer.error).toMatchObject({
      code: -32001,
      message: expect.stringContaining(
        'server "bad": the server gave no answer to tools/call within 1 s',
      ),
      data: { code: 'BACKEND_TIMEOUT', hint: expect.stringContaining('"timeout"') },
    });
    const [call] = slow.calls('tools/call');
    const told = await waitFor(() => slow.calls('notifications/cancelled')[0]);
    expect(told).toMatchObject({ params: { requestId: call?.['id'] } });
    expect(await session.callTool('bad__echo', { message: 'x' })).toBeDefined();
  });

  it('takes the last words of a server that ends without a line break', async () => {
    const session = await serveBeside(bad('no-newline-at-end'));
    expect((await session.request('tools/call', { name: 'bad__last_words' })).result).toBeDefined();
    await expectGood(session);
  });
});

describe('what a server started does not outlive the session', () => {
  it.each(['grandchild', 'ignores-eof'])('%s', async (fault) => {
    const pidFile = join(folder.path, 'pids.json');
    const session = await serveBeside(bad(fault, pidFile));
    await session.listTools();
    const pids = Object.values(JSON.parse(readFileSync(pidFile, 'utf8')) as Record<string, number>);
    expect(pids.map(processAlive)).toEqual(pids.map(() => true));
    expect(await session.close()).toMatchObject({ code: 0, killed: false });
    for (const pid of pids) await waitFor(() => !processAlive(pid), { what: `the end of ${pid}` });
  });
});
