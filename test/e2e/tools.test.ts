import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createTempFolder,
  type RunOptions,
  runBin,
  type TempFolder,
  waitFor,
  writeConfig,
} from '../support/bin.ts';
import { startBin } from '../support/oauth/running-bin.ts';
import { type RecordingBackend, recordingBackend } from '../support/recording.ts';
import { startServe } from '../support/recording-client.ts';

const SCHEMA = { type: 'object' };

const ALPHA = [
  { name: 'echo', description: 'Says it again.\nWord by word.', inputSchema: SCHEMA },
  { name: 'read file', title: 'Read', inputSchema: SCHEMA },
  { name: 'delete_all', description: 'Deletes.', inputSchema: SCHEMA },
];

const BETA = [
  { name: 'search', description: 'Finds an Issue.', inputSchema: SCHEMA },
  { name: 'broken', inputSchema: { type: 'string' } },
];

/** `--json` of one tool. */
interface Row {
  name: string;
  server: string;
  original: string;
  description: string | null;
  tokens: number;
}

let folder: TempFolder;
let alpha: RecordingBackend;
let beta: RecordingBackend;
beforeEach(async () => {
  folder = await createTempFolder();
  alpha = await recordingBackend(folder.path, 'alpha', { tools: ALPHA });
  beta = await recordingBackend(folder.path, 'beta', { tools: BETA });
});
afterEach(() => folder.remove());

/** Both servers, some of their tools hidden or described anew; `more` are further entries. */
function configure(more: object = {}) {
  const tools = { deny: ['delete_*'], describe: { echo: 'Echoes what the client says.' } };
  return writeConfig(folder.path, {
    servers: {
      alpha: { ...alpha.entry, tools },
      beta: { ...beta.entry, prefix: '' },
      off: { command: 'never-started', enabled: false },
      ...more,
    },
  });
}

async function run(args: string[], options: RunOptions = {}) {
  const ended = await runBin(['tools', ...args], { home: folder.path, ...options });
  return { ...ended, lines: ended.stdout.split('\n') };
}

async function rowsOf(args: string[] = []): Promise<Row[]> {
  return JSON.parse((await run([...args, '--json'])).stdout) as Row[];
}

describe('tools', () => {
  it('shows what a client of serve sees, and what that costs', async () => {
    await configure();
    const rows = await rowsOf();
    const client = await startServe(undefined, { home: folder.path });
    await client.initialize();
    const listed = await client.listTools();
    await client.close();
    expect(rows).toEqual(
      listed.map((tool) => ({
        ...{ name: tool['name'], description: tool['description'] ?? null },
        ...{ server: expect.any(String), original: expect.any(String) },
        tokens: Math.round(JSON.stringify(tool).length / 4),
      })),
    );
    expect(rows.map(({ server, original }) => [server, original])).toEqual([
      ['alpha', 'echo'],
      ['alpha', 'read file'],
      ['beta', 'search'],
    ]);
    expect(rows[0]).toMatchObject({
      name: 'alpha__echo',
      description: 'Echoes what the client says.',
    });
    expect(rows.map((row) => Object.keys(row))).toEqual(
      rows.map(() => ['name', 'server', 'original', 'description', 'tokens']),
    );
  });

  it('prints a table, a sum, and on stderr what is left out', async () => {
    await configure();
    const { code, lines, stderr } = await run([]);
    expect(lines[0]).toMatch(/^NAME +SERVER {2}TOKENS {2}DESCRIPTION$/);
    expect(lines[1]).toMatch(/^alpha__echo +alpha +\d+ +Echoes what the client says\.$/);
    expect(lines[2]).toMatch(/^alpha__read_file_[0-9a-f]{8} {2}alpha +\d+ +-$/);
    expect(lines.slice(4)).toEqual([
      '',
      expect.stringMatching(/^3 tools of 2 servers, about \d+ tokens$/),
      '',
    ]);
    expect(stderr).toMatch(/^\S+ warn +tool "broken" of server "beta" is left out: .*\n$/);
    expect(code).toBe(0);
  });

  it('finds tools by their names and descriptions', async () => {
    await configure();
    const found = async (text: string) =>
      (await rowsOf([`--search=${text}`])).map((row) => row.name);
    expect(await found('ISSUE')).toEqual(['search']);
    expect(await found('alpha__')).toEqual(['alpha__echo', expect.stringContaining('read_file')]);
    expect(await found('Read File')).toEqual([expect.stringContaining('read_file')]);
    expect(await run(['--search=nowhere'])).toMatchObject({
      ...{ code: 0, stdout: 'No tool has "nowhere" in its name or description.\n' },
    });
    expect(await rowsOf(['--search=nowhere'])).toEqual([]);
  });
});

describe('tools of one server', () => {
  it('asks no other server', async () => {
    await configure({ dead: { command: 'no-such-command-anywhere' } });
    const { code, stdout, stderr } = await run(['alpha', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject([{ server: 'alpha' }, { server: 'alpha' }]);
    expect(beta.received()).toEqual([]);
  });

  it('has the names that it has beside the others', async () => {
    const gamma = await recordingBackend(folder.path, 'gamma', { tools: BETA.slice(0, 1) });
    await configure({ gamma: { ...gamma.entry, prefix: '' } });
    expect(await rowsOf(['gamma'])).toMatchObject([{ name: 'gamma__search', original: 'search' }]);
    expect(await rowsOf(['beta'])).toMatchObject([{ name: 'search', server: 'beta' }]);
    expect(alpha.received()).not.toEqual([]);
  });

  it.each([
    ['alpa', 'UNKNOWN_SERVER', 'Did you mean "alpha"?'],
    ['off', 'CONFIG_INVALID', 'Set "enabled" to true'],
    ['wrong', 'CONFIG_INVALID', ''],
  ])('%s is wrong usage or configuration: %s', async (name, code, hint) => {
    await configure({ wrong: { url: 12 } });
    const ended = await run([name]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(new RegExp(`^error .*\\(${code}\\)\n`));
    expect(ended.stderr).toContain(hint);
    expect(alpha.received()).toEqual([]);
  });
});

describe('tools, where servers fail', () => {
  it('shows the others, and says on stderr which and what to do', async () => {
    await configure({
      dead: { command: 'no-such-command-anywhere' },
      wrong: { url: 12 },
    });
    const { code, stdout, stderr } = await run(['--json', '--search=echo']);
    expect(JSON.parse(stdout)).toMatchObject([{ name: 'alpha__echo' }]);
    expect(stderr.match(/^error .*$/gm)).toEqual([
      expect.stringMatching(/^error .*"dead".* \(COMMAND_NOT_FOUND\)$/),
      expect.stringMatching(/^error .*wrong.* \(CONFIG_INVALID\)$/),
    ]);
    expect(stderr).toMatch(/\(COMMAND_NOT_FOUND\)\n {2}\S/);
    // Each is told once.
    expect(stderr.match(/no-such-command-anywhere/g)).toHaveLength(1);
    expect(code).toBe(1);
  });

  it('has nothing to show where no server is left', async () => {
    await writeConfig(folder.path, { servers: { off: { command: 'x', enabled: false } } });
    expect(await run([])).toMatchObject({ code: 0, stdout: 'There are no tools.\n', stderr: '' });
    expect(await rowsOf()).toEqual([]);
  });

  it('ends its servers when it is interrupted', async () => {
    const silent = await recordingBackend(folder.path, 'silent', {
      methods: { 'tools/list': { never: true } },
    });
    await configure({ silent: silent.entry });
    const running = startBin(['tools'], { home: folder.path });
    await waitFor(() => silent.calls('tools/list').length === 1, { what: 'the list' });
    running.signal('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toMatch(/^error the listing was interrupted \(INTERRUPTED\)$/m);
  });
});
