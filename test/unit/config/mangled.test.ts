import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { AuthConfig } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { McpMasterError } from '../../../src/errors.ts';
import {
  check,
  checkSeed,
  configOf,
  errors,
  lines,
  mendedForm,
  seed,
  serverOf,
  worldOf,
} from './support.ts';

const ENV = { GITHUB_CLIENT_ID: 'gh-id', GITHUB_CLIENT_SECRET: 'gh-secret' };

const GITHUB: AuthConfig = {
  strategy: 'delegate_oauth',
  oauth: {
    provider: 'github',
    authorizationEndpoint: 'https://github.com/login/oauth/authorize',
    tokenEndpoint: 'https://github.com/login/oauth/access_token',
    // Of the preset.
    issuer: 'https://github.com/login/oauth',
    resource: false,
    clientId: 'gh-id',
    clientSecret: 'gh-secret',
    scopes: ['repo', 'read:user'],
  },
};

/** Purpose -> name, port and authentication of the server that the example means. */
const MEANT: [string, string, number, AuthConfig][] = [
  ['master-oauth', 'search', 4100, { strategy: 'master_oauth', oauth: {} }],
  ['delegate-oauth', 'github-tools', 4010, GITHUB],
  [
    'proxy-oauth',
    'internal',
    4200,
    { strategy: 'proxy_oauth', oauth: { tokenSource: 'env:INTERNAL_BACKEND_TOKEN' } },
  ],
  ['bypass-auth', 'public', 4300, { strategy: 'bypass_auth' }],
  ['github-tools', 'github-tools', 4010, GITHUB],
];

const REFUSAL = `the indentation was lost: keys of a server's entry do not stand below its "- id"`;

const CASES = MEANT.flatMap(([purpose, ...meant]) => [
  [`000-${purpose}.yaml`, 3, ...meant] as const,
  [`001-${purpose}.yaml`, 1, ...meant] as const,
]);

describe('YAML that lost its indentation', () => {
  it.each(CASES)(
    '%s is refused, and its mended form loads',
    async (file, line, name, port, auth) => {
      const refused = await checkSeed(file, { env: ENV });
      expect(refused.config).toBeUndefined();
      expect(lines(refused.problems)).toStrictEqual([`error CONFIG_INVALID ${line} : ${REFUSAL}`]);
      const mended = await check(mendedForm(refused), 'yaml', { env: ENV });
      expect(lines(mended.problems)).toStrictEqual([]);
      expect(configOf(mended).servers).toStrictEqual([
        {
          name,
          enabled: true,
          prefix: name,
          endpoint: {
            kind: 'auto',
            url: `http://127.0.0.1:${port}/mcp`,
            headers: {},
            auth,
            sseReadTimeout: 300,
          },
          timeout: 60,
          startupTimeout: 30,
          tools: { allow: undefined, deny: [], describe: {} },
          rateLimit: undefined,
          pin: 'warn',
          fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
          secretRefs: [],
        },
      ]);
    },
  );

  it('prints the mended form of document 001 with one key a line', async () => {
    const refused = await checkSeed('001-github-tools.yaml');
    expect(mendedForm(refused)).toBe(
      [
        'servers:',
        '  - id: github-tools',
        '    type: local',
        '    auth_strategy: delegate_oauth',
        '    auth_config:',
        '      provider: github',
        '      authorization_endpoint: https://github.com/login/oauth/authorize',
        '      token_endpoint: https://github.com/login/oauth/access_token',
        `      client_id: $${'{GITHUB_CLIENT_ID}'}`,
        '      client_secret: env:GITHUB_CLIENT_SECRET',
        '      scopes: [repo, read:user]',
        '    config:',
        '      port: 4010',
        '',
      ].join('\n'),
    );
  });

  it('stops the program with file, line and the mended form', async () => {
    const files = { '/etc/mm/config.yaml': seed('000-master-oauth.yaml') };
    const error = await loadConfig({ folder: '/etc/mm' }, worldOf({ files })).catch(String);
    expect(error).toBe(`McpMasterError: /etc/mm/config.yaml:3: ${REFUSAL}`);
    await expect(loadConfig({ folder: '/etc/mm' }, worldOf({ files }))).rejects.toThrow(
      expect.objectContaining({
        constructor: McpMasterError,
        code: 'CONFIG_INVALID',
        hint: expect.stringContaining('  - id: search\n    type: local\n'),
      }),
    );
  });

  it.each([
    [
      'a second server',
      'servers:\n- id: a\n  url: https://a.example/\n- id: b\nurl: https://b.example/\n',
      5,
    ],
    ['headers', 'servers:\n- id: a\nurl: https://a.example/\nheaders:\nX-Team: core\n', 3],
    ['an indented copy', '  servers:\n  - id: a\n  url: https://a.example/\n', 3],
    ['mcpServers', 'mcpServers:\n- name: a\ncommand: run\n', 3],
    ['a comment between', 'servers: # mine\n- id: a\n\n# where\nurl: https://a.example/\n', 5],
    ['Windows line ends', 'servers:\r\n- id: a\r\nurl: https://a.example/\r\n', 3],
    ['camelCase', 'servers:\n- id: a\nauthStrategy: master_oauth\n', 3],
    ['no key below a map', 'servers:\ngithub:\nurl: https://a.example/\n', 3],
    ['a fragment', 'oauth:\n  client_id: x\n', 1],
    ['bare settings', 'client_id: x\nscopes: [a]\n', 1],
  ])('refuses %s', async (_, text, line) => {
    const result = await check(text);
    expect(result.config).toBeUndefined();
    expect(result.problems[0]).toMatchObject({ code: 'CONFIG_INVALID', line });
  });

  it.each([
    [
      'the list at the left edge',
      'servers:\n- id: a\n  url: https://a.example/\nserve:\n  browser: never\n',
    ],
    ['the list indented', 'servers:\n  - id: a\n    url: https://a.example/\n'],
    ['flow style', 'servers: [{ id: a, url: "https://a.example/" }]\n'],
    ['a map', 'servers:\n  a:\n    url: https://a.example/\n'],
  ])('accepts %s', async (_, text) => {
    expect(serverOf(await check(text)).name).toBe('a');
  });

  it('hides secrets in the mended form', async () => {
    const text = [
      'servers:',
      '- id: a',
      'url: https://a.example/?api_key=hidden1234',
      'headers:',
      'X-API-Key: "hidden5678"',
      'X-Team: core',
      'auth_config:',
      'client_secret: hidden9012',
      'token_endpoint: https://a.example/token',
      '- id: b',
      'url: https://user:hiddenabcd@b.example/',
      'headers: { Authorization: Bearer hiddenefgh, X-Team: core }',
      'api_key: { header: X-Key, key: hiddenijkl }',
    ].join('\n');
    for (const form of [text, text.replaceAll('\n', ' ')]) {
      const mended = mendedForm(await check(form));
      expect(mended).not.toContain('hidden');
      expect(mended).toContain('X-Team: core');
      expect(mended).toContain('token_endpoint: https://a.example/token');
    }
  });

  it('tells settings that slipped out of their block inside of an entry', async () => {
    const text = [
      'servers:',
      '  - id: a',
      '    type: local',
      '    config:',
      '    port: 4010',
      '    auth_config:',
      '    client_id: x',
    ].join('\n');
    expect(errors(await check(text))).toStrictEqual([
      'error CONFIG_INVALID 4 servers[0].config: server a: config: expected a mapping, got nothing',
      'error CONFIG_INVALID 5 servers[0].port: server a: port: belongs inside "config"',
      'error CONFIG_INVALID 6 servers[0].auth_config: server a: auth_config: expected a mapping, got nothing',
      'error CONFIG_INVALID 7 servers[0].client_id: server a: client_id: belongs inside "auth_config"',
    ]);
  });
});

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const strategy = fc.constantFrom('delegate_oauth', 'master_oauth', 'proxy_oauth');
const entry = fc.record({
  type: fc.constant('local'),
  auth_strategy: strategy,
  auth_config: fc.record({
    client_id: word,
    scopes: fc.array(word, { minLength: 1, maxLength: 3 }),
    token_endpoint: word.map((host) => `https://${host}.example/token`),
  }),
  config: fc.record({ port: fc.integer({ min: 1, max: 65_535 }) }),
});
const entries = fc
  .uniqueArray(fc.tuple(word, entry), {
    minLength: 1,
    maxLength: 3,
    selector: ([name]) => name,
  })
  .filter((list) => list.every(([name]) => name !== 'master'))
  .map((list) => list.map(([name, rest]) => ({ id: `${name}-1`, ...rest })));

describe('any list of servers', () => {
  it.each([
    ['its indentation', (text: string) => text.replace(/^ +/gm, '')],
    ['its line breaks', (text: string) => text.replace(/\s+/g, ' ')],
  ])('that lost %s is refused, with a mended form that means the same', async (_, mangle) => {
    await fc.assert(
      fc.asyncProperty(entries, async (servers) => {
        const whole = stringify({ servers }, { collectionStyle: 'any', lineWidth: 0 });
        const refused = await check(mangle(whole));
        expect(refused.config).toBeUndefined();
        const mended = configOf(await check(mendedForm(refused)));
        expect(mended.servers).toStrictEqual(configOf(await check(whole)).servers);
        expect(mended.servers).toHaveLength(servers.length);
      }),
      { numRuns: 60 },
    );
  });
});
