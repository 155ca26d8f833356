import { describe, expect, it } from 'vitest';
import { checkJson, configOf } from './support.ts';

const url = 'https://api.example.com/mcp';
/** A reference to a variable, which is no template of ours. */
const reference = (name: string) => `\${${name}}`;

const issuer = 'https://login.example';

/** The errors of a server with this entry, beside a master with these settings. */
async function errorsOf(entry: object, master: object = { issuer }) {
  const result = await checkJson(
    { servers: { api: { url, ...entry }, other: { command: 'x' } }, master_oauth: master },
    { env: { MCP_MASTER_TOKEN: 'master-token-1' } },
  );
  // The others start, whatever is wrong with one.
  expect(configOf(result).servers.map(({ name }) => name)).toContain('other');
  return result.problems.filter(({ level }) => level === 'error');
}

describe("the master's token", () => {
  it.each<[string, object]>([
    ['a header', { headers: { 'X-Key': reference('MCP_MASTER_TOKEN') } }],
    ['a header with a default', { headers: { 'X-Key': reference('MCP_MASTER_TOKEN:-none') } }],
    ['the address', { url: `https://api.example.com/mcp?key=${reference('MCP_MASTER_TOKEN')}` }],
    ['an API key', { api_key: { header: 'X-Key', key: 'env:MCP_MASTER_TOKEN' } }],
    ['a token source', { auth: { method: 'proxy_oauth', token_source: 'env:MCP_MASTER_TOKEN' } }],
    ['any case of it', { headers: { 'X-Key': reference('Mcp_Master_Token') } }],
    [
      "a program's environment",
      { url: undefined, command: 'x', env: { T: 'env:MCP_MASTER_TOKEN' } },
    ],
  ])('can not be handed on by name: %s', async (_, entry) => {
    const [error] = await errorsOf(entry);
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('can not be handed on by name'),
      hint: expect.stringContaining('auth_strategy: master_oauth'),
      server: 'api',
    });
  });

  it('is refused to a server that says no to it', async () => {
    const auth = { method: 'master_oauth', allow_passthrough: false };
    const [error] = await errorsOf({ auth });
    expect(error?.message).toContain('contradicts master_oauth');
  });

  it.each<[string, string, object, boolean]>([
    ['the very resource', 'https://api.example.com/mcp', {}, true],
    ['what lies below it', 'https://api.example.com', {}, true],
    ['another path', 'https://api.example.com/other', {}, false],
    ['a longer name', 'https://api.example.com/mc', {}, false],
    ['another origin', 'https://example.com', {}, false],
    ['what is no URL', 'urn:company:api', {}, false],
    ['another origin, said to be fine', 'https://example.com', { allow_passthrough: true }, true],
  ])(
    'that was asked for with a resource is for that alone: %s',
    async (_, resource, more, fine) => {
      const auth = { method: 'master_oauth', ...more };
      const errors = await errorsOf({ auth }, { issuer, resource });
      expect(errors.map(({ message }) => message)).toEqual(
        fine ? [] : [expect.stringContaining(`the master's token is for ${resource}`)],
      );
    },
  );

  it.each(['master_oauth', 'proxy_oauth'])(
    'never crosses a network in clear (%s)',
    async (method) => {
      const errors = await errorsOf({ url: 'http://api.example.com/mcp', auth: { method } });
      expect(errors).toMatchObject([{ code: 'INSECURE_URL' }]);
    },
  );
});

it('needs to be told where the master logs in', async () => {
  const result = await checkJson({ servers: {}, master_oauth: { client_id: 'c' } });
  expect(configOf(result).masterOauth).toBeUndefined();
  expect(result.problems).toMatchObject([
    { level: 'error', message: expect.stringContaining('does not say where the master logs in') },
  ]);
});
