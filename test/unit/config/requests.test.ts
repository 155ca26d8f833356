import { describe, expect, it } from 'vitest';
import { checkEntry, errors, serverOf, warnings } from './support.ts';

const url = 'https://a.example/mcp';

/** The errors of an entry, without what all of them have in front. */
async function messages(entry: object): Promise<string[]> {
  const result = await checkEntry({ url, ...entry }, { KEY: 'key-value' });
  return errors(result).map((line) => line.replace(/^.*?: server x: /, ''));
}

describe('an address without encryption', () => {
  const remote = 'http://a.example/mcp';

  it.each([
    'http://localhost/',
    'http://127.0.0.1:80/',
    'http://127.8.9.1/',
    'http://[::1]:1/',
    'http://a.localhost/',
  ])('is fine on this computer: %s', async (local) => {
    const result = await checkEntry({ url: local, auth_strategy: 'master_oauth' });
    expect(result.problems).toStrictEqual([]);
  });

  it.each([
    'http://a.example/',
    'http://127.0.0.1.a.example/',
    'http://localhost.a.example/',
    'http://10.0.0.1/',
    'http://[::2]/',
    'http://0.0.0.0/',
  ])('is a warning elsewhere: %s', async (address) => {
    const result = await checkEntry({ url: address });
    expect(errors(result)).toStrictEqual([]);
    expect(warnings(result)).toStrictEqual([
      'warning INSECURE_URL 4 servers.x.url: server x: url: requests cross the network without encryption',
    ]);
  });

  it.each(['delegate_oauth', 'master_oauth', 'proxy_oauth'])(
    'is an error where a stored token would be sent: %s',
    async (auth_strategy) => {
      expect(errors(await checkEntry({ url: remote, auth_strategy }))).toStrictEqual([
        'error INSECURE_URL 4 servers.x.url: server x: url: a token would cross the network without encryption',
      ]);
    },
  );

  it.each(['issuer', 'authorization_endpoint', 'token_endpoint', 'client_metadata_url'])(
    'is an error for %s',
    async (key) => {
      expect(errors(await checkEntry({ url, oauth: { [key]: remote } }))).toStrictEqual([
        `error INSECURE_URL 6 servers.x.oauth.${key}: server x: oauth.${key}: tokens would cross the network without encryption`,
      ]);
    },
  );
});

describe('headers', () => {
  it.each([
    'Accept',
    'accept-encoding',
    'Content-Type',
    'content-length',
    'Host',
    'Connection',
    'Transfer-Encoding',
    'Last-Event-Id',
    'Mcp-Session-Id',
    'MCP-Protocol-Version',
    'Keep-Alive',
  ])('leave out %s, with a warning', async (name) => {
    const result = await checkEntry({ url, headers: { [name]: 'x', 'X-Team': 'core' } });
    expect(serverOf(result).endpoint).toMatchObject({ headers: { 'X-Team': 'core' } });
    expect(Object(serverOf(result).endpoint).headers).not.toHaveProperty([name]);
    expect(warnings(result)).toHaveLength(1);
  });

  it.each([
    [{ 'X A': 'b' }, 'headers["X A"]: expected a header\'s name: letters, digits and -, no blanks'],
    [{ 'X-A': 'b\r\nc' }, 'headers.X-A: a header can not have line breaks or control characters'],
    [{ 'X-A': 'b\0' }, 'headers.X-A: a header can not have line breaks or control characters'],
    [{ 'X-A': 'β' }, 'headers.X-A: a header can only have Latin-1 characters'],
    [{ 'X-A': '1', 'x-a': '2' }, 'headers.x-a: the same header as "X-A"'],
    [
      { Authorization: 'Bearer ' },
      'headers.Authorization: there is a scheme, but no credential after it',
    ],
    [{ Authorization: '' }, 'headers.Authorization: a credential can not be empty'],
  ])('are checked: %j', async (headers, expected) => {
    expect(await messages({ headers })).toStrictEqual([expected]);
  });

  it.each(['Bearer env:NAME', 'Bearer keyring:NAME'])('warn of %s', async (Authorization) => {
    const { problems } = await checkEntry({ url, headers: { Authorization } });
    expect(problems.map(({ level, hint }) => [level, hint?.includes('api_key')])).toContainEqual([
      'warning',
      true,
    ]);
  });

  it('may have Latin-1 and any scheme', async () => {
    const headers = { 'X-A': 'é', Authorization: 'env:KEY', 'Proxy-Token': 'env:KEY' };
    expect(await messages({ headers })).toStrictEqual([]);
  });
});
