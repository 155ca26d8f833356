import { describe, expect, it } from 'vitest';
import { fillMasterSecrets, fillSecrets } from '../../../src/config/secrets.ts';
import { checkEntry, checkJson, configOf, errors, serverOf, warnings } from './support.ts';

const url = 'https://a.example/mcp';
const stored = (values: Record<string, string>) => async (name: string) => values[name];

describe('stored secrets', () => {
  it('are references until they are filled in', async () => {
    const server = serverOf(
      await checkEntry({
        url,
        headers: { 'X-API-Key': 'keyring:acme', 'X-Team': 'core' },
        auth: {
          method: 'oauth',
          clientId: 'keyring:id',
          client_secret: 'keyring:s',
          private_key: 'keyring:p',
        },
      }),
    );
    expect(server.secretRefs).toStrictEqual([
      {
        target: ['endpoint', 'headers', 'X-API-Key'],
        name: 'acme',
        path: 'servers.x.headers.X-API-Key',
      },
      {
        target: ['endpoint', 'auth', 'oauth', 'clientId'],
        name: 'id',
        path: 'servers.x.auth.clientId',
      },
      {
        target: ['endpoint', 'auth', 'oauth', 'clientSecret'],
        name: 's',
        path: 'servers.x.auth.client_secret',
      },
      {
        target: ['endpoint', 'auth', 'oauth', 'privateKey'],
        name: 'p',
        path: 'servers.x.auth.private_key',
      },
    ]);
    expect(server.endpoint).toMatchObject({
      headers: { 'X-API-Key': '', 'X-Team': 'core' },
      auth: { oauth: { clientId: '', clientSecret: '', privateKey: '' } },
    });
    const before = structuredClone(server);
    const read = stored({ acme: 'k1', id: 'k2', s: 'k3', p: 'k4' });
    expect(await fillSecrets(server, read)).toStrictEqual({
      ...server,
      endpoint: {
        ...server.endpoint,
        headers: { 'X-API-Key': 'k1', 'X-Team': 'core' },
        auth: {
          strategy: 'delegate_oauth',
          oauth: { clientId: 'k2', clientSecret: 'k3', privateKey: 'k4' },
        },
      },
    });
    expect(server).toStrictEqual(before);
  });

  it('may be an API key, a credential header or a variable of a program', async () => {
    const key = serverOf(await checkEntry({ url, api_key: { key: 'keyring:a' } }));
    expect(await fillSecrets(key, stored({ a: 'k' }))).toMatchObject({
      endpoint: { auth: { strategy: 'api_key', key: 'k' } },
    });
    const header = serverOf(await checkEntry({ url, headers: { Authorization: 'keyring:a' } }));
    expect(await fillSecrets(header, stored({ a: 'Basic x' }))).toMatchObject({
      endpoint: { auth: { strategy: 'headers' }, headers: { Authorization: 'Basic x' } },
    });
    const program = serverOf(await checkEntry({ command: 'x', env: { TOKEN: 'keyring:a' } }));
    expect(await fillSecrets(program, stored({ a: 'one\ntwo' }))).toMatchObject({
      endpoint: { env: { TOKEN: 'one\ntwo' } },
    });
  });

  it('that are missing are named, with the command that stores them', async () => {
    const server = serverOf(await checkEntry({ url, headers: { 'X-API-Key': 'keyring:acme' } }));
    for (const values of [{}, { acme: '' }]) {
      await expect(fillSecrets(server, stored(values))).rejects.toMatchObject({
        code: 'SECRET_MISSING',
        message: 'servers.x.headers.X-API-Key needs the secret "acme", which is not stored',
        hint: 'Store it: mcp-master secret set acme',
      });
    }
  });

  it('that can not stand in a header are named, without their value', async () => {
    const server = serverOf(await checkEntry({ url, api_key: { key: 'keyring:acme' } }));
    const error = await fillSecrets(server, stored({ acme: 'hidden\nline' })).catch((e) => e);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(`${error.message} ${error.hint}`).not.toContain('hidden');
  });

  it('let the errors of the keychain through', async () => {
    const server = serverOf(await checkEntry({ url, api_key: { key: 'keyring:acme' } }));
    const locked = new Error('locked');
    await expect(fillSecrets(server, () => Promise.reject(locked))).rejects.toBe(locked);
  });

  it.each([
    [{ url: 'keyring:a' }, 'url'],
    [{ url, oauth: { issuer: 'keyring:a' } }, 'oauth.issuer'],
    [{ url, timeout: 'keyring:a' }, 'timeout'],
    [{ url, api_key: { key: 'env:HOME', header: 'keyring:a' } }, 'api_key.header'],
    [{ url, oauth: { extra_params: { token: 'keyring:a' } } }, 'oauth.extra_params.token'],
  ])('stand in credentials alone, not in %j', async (entry, label) => {
    const result = await checkEntry(entry, { HOME: '/' });
    expect(errors(result).map((line) => line.replace(/^.*?: server x: /, ''))).toStrictEqual([
      `${label}: a stored secret can not be used here`,
    ]);
  });

  it('of a header that is left out are not asked for', async () => {
    const result = await checkEntry({ url, headers: { 'Mcp-Token': 'keyring:a' } });
    expect(serverOf(result).secretRefs).toStrictEqual([]);
  });

  it('work in master_oauth', async () => {
    const master_oauth = { issuer: 'https://i.example', clientSecret: 'keyring:m' };
    const config = configOf(await checkJson({ servers: {}, master_oauth }));
    expect(config.secretRefs).toStrictEqual([
      { target: ['masterOauth', 'clientSecret'], name: 'm', path: 'master_oauth.clientSecret' },
    ]);
    expect(await fillMasterSecrets(config, stored({ m: 'k' }))).toStrictEqual({
      issuer: 'https://i.example',
      clientSecret: 'k',
    });
    await expect(fillMasterSecrets(config, stored({}))).rejects.toMatchObject({
      code: 'SECRET_MISSING',
      message: 'master_oauth.clientSecret needs the secret "m", which is not stored',
    });
    const without = configOf(await checkJson({ servers: {} }));
    expect(await fillMasterSecrets(without, stored({}))).toBeUndefined();
  });
});

describe('the values that are never shown', () => {
  it.each([
    [{ url, headers: { Authorization: 'Bearer env-1' } }, ['Bearer env-1', 'env-1']],
    [
      { url, headers: { authorization: 'Scheme key=v, signature=w' } },
      ['Scheme key=v, signature=w', 'key=v, signature=w'],
    ],
    [{ url, headers: { 'X-API-Key': 'env:A_VALUE', 'X-Team': 'core' } }, ['value-a', 'core']],
    [{ url, headers: { Cookie: 'c=1', 'X-Signature': 's' } }, ['c=1', 's']],
    [{ url, api_key: { key: 'env:A_VALUE' } }, ['value-a']],
    [
      { url, oauth: { client_id: 'public', client_secret: 'env:A_VALUE', private_key: 'pem' } },
      ['value-a', 'pem'],
    ],
    [{ url, oauth: { extra_params: { access_key: 'x-1', prompt: 'login' } } }, ['x-1']],
    [
      {
        command: 'x',
        env: { API_TOKEN: 'abc', DB_PASSWORD: 'def', PLAIN: 'ghi', MAX_TOKENS: 4096 },
      },
      ['abc', 'def'],
    ],
    [{ command: 'x', args: ['--token', 'env:MY_TOKEN'] }, ['value-token']],
    [{ url: `${url}?api_key=k%201&page=2` }, ['k 1']],
    [
      { command: 'x', args: ['--api-key', 'sk-live', '--token=tok-1', '--verbose', 'no'] },
      ['sk-live', 'tok-1'],
    ],
    [
      { command: 'x', env: { OPENAI: 'env:A_VALUE', GH_PAT: 'pat-1', PATH: '/bin' } },
      ['value-a', 'pat-1'],
    ],
    [{ url, headers: { 'X-Auth': 'abc-1' } }, ['abc-1']],
    [{ url: `https://a.example/${'$'}{A_VALUE}/mcp` }, ['value-a']],
    [{ url, auth_strategy: 'proxy_oauth', oauth: { token_source: 'env:A_VALUE' } }, ['value-a']],
  ])('of %j', async (entry, secrets) => {
    const result = await checkEntry(entry, { A_VALUE: 'value-a', MY_TOKEN: 'value-token' });
    expect(errors(result)).toStrictEqual([]);
    expect(configOf(result).secrets).toStrictEqual(secrets);
  });
});

describe('a secret in the file itself', () => {
  it.each([
    [{ url, headers: { Authorization: 'Bearer abc' } }, 'headers.Authorization'],
    [{ url, headers: { 'X-API-Key': 1234567890 } }, 'headers["X-API-Key"]'],
    [{ url, api_key: { key: 'abc' } }, 'api_key.key'],
    [{ url, oauth: { client_secret: 'abc' } }, 'oauth.client_secret'],
    [{ command: 'x', env: { API_TOKEN: 'abc' } }, 'env.API_TOKEN'],
    [{ url: `${url}?token=abc` }, 'url'],
  ])('is a warning: %j', async (entry, label) => {
    const result = await checkEntry(entry);
    expect(errors(result)).toStrictEqual([]);
    expect(warnings(result)).toHaveLength(1);
    expect(warnings(result)[0]).toContain(
      `${label.replace('["X-API-Key"]', '.X-API-Key')}: a secret stands in the file itself`,
    );
  });

  it.each([
    [{ url, headers: { Authorization: `Bearer $${'{T}'}` } }],
    [{ url, headers: { 'X-API-Key': 'keyring:a' } }],
    [{ url, oauth: { client_secret: 'env:T' } }],
    [{ url, headers: { 'X-Team': 'core' } }],
    [{ command: 'x', env: { MAX_TOKENS: 4096, USE_TOKEN: true, TOKEN: '' } }],
    [{ url: `${url}?token=$${'{T}'}` }],
  ])('is none: %j', async (entry) => {
    expect((await checkEntry(entry, { T: 'abc' })).problems).toStrictEqual([]);
  });
});
