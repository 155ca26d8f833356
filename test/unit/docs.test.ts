import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { parse as parseJsonc } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/app/context.ts';
import { EXIT, exitCodeOf } from '../../src/cli/exit-codes.ts';
import { run } from '../../src/cli/program.ts';
import { parseDotEnv } from '../../src/config/environment.ts';
import { type ErrorCode, McpMasterError } from '../../src/errors.ts';
import { Redactor } from '../../src/log.ts';
import { check, worldOf } from './config/support.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

const PAGES = [
  'README.md',
  ...readdirSync(new URL('docs/', root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** What may stand in a fenced block: each but `text` is checked, `ts` where the package is installed. */
const LANGUAGES = ['', 'text', 'sh', 'yaml', 'json', 'dotenv', 'ts'];

const FENCED = /^```(\w*)\n([\s\S]*?)^```$/gm;

interface Block {
  page: string;
  line: number;
  language: string;
  text: string;
}

const blocks: Block[] = PAGES.flatMap((page) => {
  const markdown = read(page);
  return [...markdown.matchAll(FENCED)].map(({ index, 1: language = '', 2: text = '' }) => {
    return { page, line: markdown.slice(0, index).split('\n').length, language, text };
  });
});

/** The blocks in these languages, as rows of a table test. */
function blocksIn(...languages: string[]): [string, Block][] {
  return blocks
    .filter(({ language }) => languages.includes(language))
    .map((block) => [`${block.page}:${block.line}`, block]);
}

function proseOf(page: string): string {
  return read(page).replace(FENCED, '');
}

/** What stands between backticks in the text of a page. */
function codeSpans(page: string): string[] {
  return [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

function headings(page: string): { level: number; text: string }[] {
  const marked = proseOf(page).matchAll(/^(#+) (.+)$/gm);
  return [...marked].map(([, marks = '', text = '']) => ({ level: marks.length, text }));
}

/** The name of the program in a line of shell, installed or in a checkout. */
const PROGRAM = /^(mcp-master|\S*bin\/mcp-master\.js)$/;

/** The words after the program's name in a line of shell; undefined when it is not run there. */
function argumentsIn(line: string): string[] | undefined {
  const words = line.match(/'[^']*'|(?:"[^"]*"|[^\s"'])+/g) ?? [];
  const at = words.findIndex((word) => PROGRAM.test(word));
  if (at < 0) return undefined;
  const rest = words.slice(at + 1);
  const end = rest.findIndex((word) => /^[|;&<>#]/.test(word));
  return rest
    .slice(0, end < 0 ? rest.length : end)
    .map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
}

/** What a desktop client's configuration starts, if it is one: it has the program as its server. */
function argumentsOfClient({ text }: Block): string[] | undefined {
  const servers: unknown = Object(parseJsonc(text)).mcpServers;
  for (const { command, args = [] } of Object.values(Object(servers)).map(Object)) {
    const found = argumentsIn([command, ...args].join(' '));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Each command line of the pages: in shell examples, in text, and in configurations of clients. */
const COMMANDS = [
  ...blocksIn('sh').flatMap(([where, { text }]) =>
    text
      .replaceAll('\\\n', ' ')
      .split('\n')
      .map((line) => ({ where, argv: argumentsIn(line) })),
  ),
  ...PAGES.flatMap((page) =>
    codeSpans(page)
      .filter((code) => /^(\w+=\S* )*mcp-master /.test(code))
      .map((code) => ({ where: page, argv: argumentsIn(code) })),
  ),
  ...blocksIn('json').map(([where, block]) => ({ where, argv: argumentsOfClient(block) })),
].flatMap(({ where, argv }) => (argv === undefined ? [] : [{ where, argv }]));

const unreached = (): never => {
  throw new Error('a command did more than to read its command line');
};

const UNDERSTOOD = 'the command line was understood';

/** Runs a command line up to the point where the command has understood it and begins to work. */
async function tryCommand(argv: string[]): Promise<{ exitCode: number; output: string }> {
  const output = new PassThrough();
  const context: Context = {
    ...{ version: '0.0.0', env: {}, platform: 'linux', homedir: '/home/ann', nodeFolder: '/bin' },
    processors: 1,
    ...{ stdin: new PassThrough(), stdout: output, stderr: output },
    ...{ terminal: { stdin: false, stdout: false, stderr: false }, now: () => 0 },
    ...{ redactor: new Redactor(), files: worldOf({}), claimStdout: async () => output },
    // Every command asks for its folders first.
    findFolders: () => {
      throw new McpMasterError('INTERNAL', UNDERSTOOD);
    },
    ...{ spawn: unreached, createHttp: unreached, createCatalogueStore: unreached },
    ...{ createFetch: unreached, createStateFiles: unreached, createSecretStore: unreached },
    createLocks: unreached,
    ...{ listenOnLoopback: unreached, createBrowser: unreached, resolveHost: unreached },
    ...{ folderExists: unreached, onInterrupt: unreached, interrupt: unreached },
  };
  const exitCode = await run(argv, context);
  return { exitCode, output: String(output.read() ?? '') };
}

/** The help of the program and of each of its commands. */
async function helpTexts(path: string[] = []): Promise<string[]> {
  const { exitCode, output } = await tryCommand([...path, '--help']);
  expect(exitCode).toBe(EXIT.done);
  const [, list = ''] = /\nCommands:\n((?: .*\n)+)/.exec(output) ?? [];
  const names = [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name);
  const below = names.filter((name) => name !== 'help').map((name) => helpTexts([...path, name]));
  return [output, ...(await Promise.all(below)).flat()];
}

describe('the pages', () => {
  it('are read as they are written', () => {
    // Tables of tests with no rows would pass.
    for (const language of ['sh', 'yaml', 'json', 'dotenv']) {
      expect(blocksIn(language)).not.toHaveLength(0);
    }
    const lines = COMMANDS.map(({ argv }) => argv.join(' '));
    expect(lines).toContain('serve');
    expect(lines).toContain('auth login --server=github');
    expect(lines).toContain('secret set weather-key');
    // A block that is indented would be taken for text.
    expect(PAGES.filter((page) => proseOf(page).includes('```'))).toStrictEqual([]);
  });

  it.each(blocks.map(({ page, line, language }) => [`${page}:${line}`, language]))(
    '%s has an example of a kind that is checked',
    (_, language) => {
      expect(LANGUAGES).toContain(language);
    },
  );

  it.each(COMMANDS.map(({ where, argv }) => [where, argv.join(' '), argv] as const))(
    '%s: mcp-master %s',
    async (_, __, argv) => {
      expect((await tryCommand(argv)).output).toContain(UNDERSTOOD);
    },
  );

  it('names no option that no command has', async () => {
    const known = new Set((await helpTexts()).flatMap((text) => text.match(/--[\w-]+/g) ?? []));
    const named = PAGES.flatMap(codeSpans).flatMap((code) => /^--[\w-]+/.exec(code)?.[0] ?? []);
    expect(named).not.toHaveLength(0);
    expect(named.filter((option) => !known.has(option))).toStrictEqual([]);
  });

  it.each(PAGES)('%s links to what is there', (page) => {
    const links = [...proseOf(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)];
    const broken = links.filter(([, path = '', anchor]) => {
      const target = new URL(path === '' ? page : path, new URL(path === '' ? '' : page, root));
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(target.href.slice(root.href.length)).has(anchor);
    });
    expect(broken.map(([link]) => link)).toStrictEqual([]);
  });
});

/** As GitHub makes them of headings. */
function anchorsOf(page: string): Set<string> {
  const slugs = headings(page).map(({ text }) =>
    text
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  );
  return new Set(slugs);
}

describe('the configuration examples', () => {
  const examples = blocksIn('yaml', 'json').filter(([, block]) => {
    const isClient = block.language === 'json' && argumentsOfClient(block) !== undefined;
    return !isClient && /^[^#\s]/m.test(block.text);
  });

  it.each(examples)('%s loads, and nothing is to be said about it', async (_, block) => {
    const { language, text } = block;
    const names = [...text.matchAll(/\$\{(?:env:)?(\w+)\}|\benv:(\w+)/g)].map(
      ([, inText, whole]) => inText ?? whole ?? '',
    );
    const env = Object.fromEntries(names.map((name) => [name, 'a-value']));
    const { problems, config } = await check(text, language, { env });
    expect(problems).toStrictEqual([]);
    expect(config?.rejected).toStrictEqual([]);
  });

  it.each(blocksIn('dotenv'))('%s is a .env file', (_, { text }) => {
    const { values, brokenLines } = parseDotEnv(text);
    expect(brokenLines).toStrictEqual([]);
    expect(Object.keys(values)).not.toHaveLength(0);
  });
});

describe('docs/troubleshooting.md', () => {
  const page = 'docs/troubleshooting.md';
  // The type is gone at run time, but its source says the same.
  const union = /type ErrorCode =([^;]+);/.exec(read('src/errors.ts'))?.[1] ?? '';
  const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code as ErrorCode);
  const sections = read(page).split(/^## /m).slice(1);

  it('has one section for each code, in their order, and no other', () => {
    expect(codes).toContain('INTERNAL');
    const titles = headings(page).filter(({ level }) => level === 2);
    expect(titles.map(({ text }) => text)).toStrictEqual(codes);
  });

  it.each(codes)('tells the exit code of %s', (code) => {
    const section = sections.find((text) => text.startsWith(`${code}\n`)) ?? '';
    const told = [...section.matchAll(/Exit code (\d+)/g)].map(([, number]) => Number(number));
    expect(told).toStrictEqual([exitCodeOf(code)]);
  });

  it.each(codes)('is short on %s', (code) => {
    const section = sections.find((text) => text.startsWith(`${code}\n`)) ?? '';
    const lines = section
      .split('\n')
      .slice(1)
      .filter((line) => line.trim() !== '');
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(lines.length).toBeLessThanOrEqual(10);
  });
});
