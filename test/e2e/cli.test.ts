import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createTempFolder,
  type RunOptions,
  runBin,
  type TempFolder,
  writeConfig,
} from '../support/bin.ts';
import { type RecordingBackend, recordingBackend } from '../support/recording.ts';

let folder: TempFolder;
let alpha: RecordingBackend;
beforeEach(async () => {
  folder = await createTempFolder();
  alpha = await recordingBackend(folder.path, 'alpha', {
    initialize: { capabilities: { tools: {}, resources: {}, prompts: {} } },
    methods: {
      'resources/list': {
        result: {
          resources: [
            { uri: 'a:1', name: 'a' },
            { uri: 'a:2', name: 'b' },
          ],
        },
      },
      'prompts/list': { result: { prompts: [{ name: 'p' }] } },
    },
    tools: ['echo', 'fails', 'refuses', 'shows', 'structured'].map((name) => ({
      name,
      inputSchema: { type: 'object' },
    })),
    calls: {
      fails: { result: { content: [{ type: 'text', text: 'it went wrong' }], isError: true } },
      refuses: { error: { code: -32602, message: 'bad arguments' } },
      shows: {
        result: {
          content: [
            { type: 'text', text: 'red \u001b[31m alert' },
            { type: 'image', mimeType: 'image/png', data: 'AAAA' },
            { type: 'resource_link', uri: 'file:///a', name: 'a' },
          ],
        },
      },
      structured: { result: { content: [], structuredContent: { n: 1 } } },
    },
  });
});
afterEach(async () => {
  await folder.remove();
});

/** Runs a command with a configuration of alpha, a disabled server and a wrong entry. */
async function run(args: string[], options: RunOptions = {}) {
  await writeConfig(folder.path, {
    servers: {
      alpha: alpha.entry,
      off: { command: 'never-started', enabled: false },
      wrong: { url: 'https://x.example/mcp', auth_strategy: 'delegate_auth' },
    },
  });
  return runBin(args, { home: folder.path, ...options });
}

describe('list', () => {
  it('tells as JSON where each server stands', async () => {
    const { code, stdout } = await run(['list', '--json']);
    expect(JSON.parse(stdout)).toEqual([
      {
        server: 'alpha',
        transport: 'stdio',
        state: 'ready',
        tools: 5,
        resources: 2,
        prompts: 1,
        ms: expect.any(Number),
        error: null,
        left_out: [],
      },
      {
        server: 'off',
        transport: 'stdio',
        state: 'disabled',
        tools: null,
        resources: null,
        prompts: null,
        ms: null,
        error: null,
        left_out: [],
      },
      expect.objectContaining({
        server: 'wrong',
        state: 'error',
        error: {
          code: 'CONFIG_INVALID',
          message: expect.stringContaining('delegate_auth'),
          hint: expect.any(String),
        },
      }),
    ]);
    expect(code).toBe(1);
  });

  it('is done when every enabled server is ready', async () => {
    expect(await run(['list', '--server=alpha', '--json'])).toMatchObject({ code: 0, stderr: '' });
    expect(await run(['list', '--server', 'off'])).toMatchObject({ code: 0 });
  });

  it('prints a table without colour where nobody sees it', async () => {
    const { stdout } = await run(['list']);
    expect(stdout.split('\n')[0]).toBe(
      'SERVER  TRANSPORT  STATE     TOOLS  RESOURCES  PROMPTS  MS',
    );
    expect(stdout).toMatch(/^alpha {3}stdio {6}ready {5}5 {6}2 {10}1 {8}\d+$/m);
    expect(stdout).toMatch(/^off {5}stdio {6}disabled {2}- /m);
    expect(stdout).not.toContain('\u001b');
  });

  it('knows the names of the servers', async () => {
    expect(await run(['list', '--server=alpa'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr:
        'error there is no server "alpa" (UNKNOWN_SERVER)\n  Did you mean "alpha"? The servers are: alpha, off, wrong.\n',
    });
  });
});

describe('call', () => {
  it('prints the texts of the result', async () => {
    expect(await run(['call', 'alpha', 'echo', '{"message":"hé"}'])).toEqual({
      code: 0,
      signal: null,
      stdout: 'hé\n',
      stderr: '',
    });
  });

  it('prints the whole result as JSON', async () => {
    const { stdout } = await run(['call', 'alpha', 'echo', '{"message":"x"}', '--json']);
    expect(JSON.parse(stdout)).toEqual({ content: [{ type: 'text', text: 'x' }] });
  });

  it('lets no result drive the terminal, and names what is no text', async () => {
    const { stdout } = await run(['call', 'alpha', 'shows']);
    expect(stdout).toBe(
      'red �[31m alert\n[image image/png] (--json shows it whole)\n[resource_link file:///a] (--json shows it whole)\n',
    );
  });

  it('prints structured content where there is nothing else', async () => {
    expect((await run(['call', 'alpha', 'structured'])).stdout).toBe('{\n  "n": 1\n}\n');
  });

  it.each([
    ['an error result', ['fails'], 1, 'it went wrong\n', ''],
    [
      'a refusal',
      ['refuses'],
      1,
      '',
      'server "alpha" answered with error -32602: bad arguments (BACKEND_PROTOCOL)',
    ],
    ['an unknown tool', ['ecco'], 2, '', 'Did you mean "echo"?'],
    [
      'arguments that are no JSON',
      ['echo', '{message}'],
      2,
      '',
      'the arguments are not a JSON object',
    ],
    ['arguments that are no object', ['echo', '[1]'], 2, '', 'the arguments are not a JSON object'],
  ])('ends with its exit code for %s', async (_, args, code, stdout, stderr) => {
    const result = await run(['call', 'alpha', ...args]);
    expect(result).toMatchObject({ code, stdout });
    expect(result.stderr).toContain(stderr);
  });

  it.each([
    ['nobody', 'UNKNOWN_SERVER'],
    ['off', 'is disabled'],
    ['wrong', 'delegate_auth'],
  ])('refuses the server %s', async (server, part) => {
    const result = await run(['call', server, 'x']);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(part);
  });
});

describe('config check', () => {
  it('names all mistakes with their lines, and exits with 2', async () => {
    const { code, stdout } = await run(['config', 'check', '--json']);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ file: join(folder.path, 'config.json'), servers: 2 });
    expect(report.problems).toEqual([
      {
        level: 'error',
        path: 'servers.wrong.auth_strategy',
        line: expect.any(Number),
        code: 'CONFIG_INVALID',
        message: expect.any(String),
        hint: expect.any(String),
      },
    ]);
    const lines = readFileSync(report.file, 'utf8').split('\n');
    expect(lines[report.problems[0].line - 1]).toContain('delegate_auth');
    expect(code).toBe(2);
  });

  it('is done when there are only warnings', async () => {
    const file = await writeConfig(
      folder.path,
      'servers:\n  a:\n    command: x\n    comand_line: y\n',
      'other.yaml',
    );
    const { code, stdout } = await run(['config', 'check', file]);
    expect(stdout).toContain(`${file}:4`);
    expect(stdout).toContain('comand_line');
    expect(stdout).toContain('1 usable server, 0 errors, 1 warning');
    expect(code).toBe(0);
  });

  it.each([
    ['serve', []],
    ['list', []],
    ['call', ['a', 'b']],
    ['config', ['check']],
  ])('a file that can not be parsed ends %s with 2', async (command, rest) => {
    const file = await writeConfig(folder.path, 'servers: [\n', 'broken.yaml');
    const result = await runBin([command, ...rest, '--config', file]);
    expect(result.code).toBe(2);
    expect(result.stdout + result.stderr).toMatch(/broken\.yaml:\d/);
  });

  it('without a configuration, says what to do', async () => {
    for (const args of [['list'], ['call', 'a', 'b'], ['config', 'check']]) {
      const result = await runBin(args);
      expect(result.code).toBe(2);
      expect(result.stderr + result.stdout).toMatch(/config\.yaml/);
    }
  });
});

describe('the command line', () => {
  it.each([
    [['--help'], ['config check', 'Examples:', '--log-level']],
    [
      ['serve', '--help'],
      ['mcpServers', '--config'],
    ],
    [
      ['list', '--help'],
      ['--server', 'Example:', '--json'],
    ],
    [
      ['tools', '--help'],
      ['--search', 'the characters of its JSON, divided by four', 'Example:'],
    ],
    [
      ['call', '--help'],
      ['<server> <tool> [json]', 'Example:'],
    ],
    [
      ['config', 'check', '--help'],
      ['[file]', 'Example:'],
    ],
  ])('%j shows help with an example', async (args, parts) => {
    const { code, stdout } = await runBin(args);
    expect(code).toBe(0);
    for (const part of parts) expect(stdout).toContain(part);
  });

  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await runBin(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it.each([
    [['lst'], 'Did you mean list?'],
    [['list', '--jsn'], 'Did you mean --json?'],
    [['list', '--log-level=loud'], 'Allowed choices are error, warn, info, debug'],
    [['call', 'alpha'], "missing required argument 'tool'"],
    [['list', 'alpha'], 'too many arguments'],
    [['list', '--profile', '../x'], "can't be the name of a profile"],
    [['list', '--config', 'no-such-file.json'], 'no-such-file.json'],
  ])('%j is wrong usage', async (args, part) => {
    const { code, stdout, stderr } = await runBin(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(part);
  });

  it('reads the file that MCP_MASTER_CONFIG names, and that of a profile', async () => {
    const file = await writeConfig(
      folder.path,
      { servers: { beta: alpha.entry } },
      'elsewhere.json',
    );
    const named = await run(['list', '--json'], { env: { MCP_MASTER_CONFIG: file } });
    expect(JSON.parse(named.stdout)).toMatchObject([{ server: 'beta' }]);
    expect((await run(['list', '--profile', 'work'])).code).toBe(2);
  });

  it('logs what is wrong with MCP_MASTER_LOG_LEVEL', async () => {
    const { code, stderr } = await run(['list'], { env: { MCP_MASTER_LOG_LEVEL: 'loud' } });
    expect(code).toBe(2);
    expect(stderr).toContain('MCP_MASTER_LOG_LEVEL is "loud"');
  });

  it('never prints a secret of the configuration', async () => {
    const secret = 'hunter2-hunter2';
    const script = `process.stderr.write('my key is ' + process.env.API_KEY); process.exit(1)`;
    await writeConfig(folder.path, {
      servers: {
        leaky: {
          command: process.execPath,
          args: ['-e', script],
          env: { API_KEY: 'env:LEAKY_KEY' },
        },
      },
    });
    const options = { home: folder.path, env: { LEAKY_KEY: secret } };
    for (const args of [
      ['list'],
      ['list', '--json'],
      ['call', 'leaky', 'x'],
      ['list', '--log-level=debug'],
    ]) {
      const { stdout, stderr } = await runBin(args, options);
      expect(stdout + stderr).toContain('my key is ***');
      expect(stdout + stderr).not.toContain(secret);
    }
  });
});

describe('what this version does not do', () => {
  it('is said by config check and by serve', async () => {
    const servers = { b: { command: 'x', pin: 'strict' }, c: { command: 'x' } };
    const file = await writeConfig(folder.path, { servers });
    const checked = await runBin(['config', 'check', '--json', file]);
    const messages = JSON.parse(checked.stdout).problems.map(
      ({ message }: { message: string }) => message,
    );
    expect(messages).toEqual([
      expect.stringContaining('server b: this version does not know pin: strict'),
    ]);
    expect(checked.code).toBe(0);
    expect((await runBin(['serve', '--config', file])).stderr).toContain(
      'does not know pin: strict',
    );
  });
});
