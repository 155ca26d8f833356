import { describe, expect, it } from 'vitest';
import { checkJson, configOf, errors, warnings } from './support.ts';

const servers = {};

describe('serve', () => {
  it('has its settings', async () => {
    const serve = {
      browser: 'never',
      login_wait: 0,
      builtinTools: 'env:OFF',
      first_list_wait: 2.5,
      name_limit: 60,
      log_level: 'debug',
    };
    const result = await checkJson({ servers, serve }, { env: { OFF: 'false' } });
    expect(result.problems).toStrictEqual([]);
    expect(configOf(result).serve).toStrictEqual({
      browser: 'never',
      loginWait: 0,
      builtinTools: false,
      firstListWait: 2.5,
      nameLimit: 60,
      logLevel: 'debug',
    });
  });

  it('keeps its defaults where a value is wrong', async () => {
    const serve = { browser: 'always', login_wait: -1, name_limit: 5, log_level: 'loud', x: 1 };
    const result = await checkJson({ servers: { a: { command: 'x' } }, serve });
    expect(errors(result)).toStrictEqual([
      'error CONFIG_INVALID 8 serve.browser: serve.browser: expected one of on_call, never, got "always"',
      'error CONFIG_INVALID 9 serve.login_wait: serve.login_wait: expected a number of seconds from 0 to 2147483, got -1',
      'error CONFIG_INVALID 10 serve.name_limit: serve.name_limit: expected a whole number from 16 to 128, got 5',
      'error CONFIG_INVALID 11 serve.log_level: serve.log_level: expected one of error, warn, info, debug, got "loud"',
    ]);
    expect(warnings(result)).toHaveLength(1);
    expect(configOf(result)).toMatchObject({
      servers: [{ name: 'a' }],
      serve: { browser: 'on_call', loginWait: 50, nameLimit: 47, logLevel: 'info' },
    });
  });

  it.each([['serve'], ['tokens'], ['master_oauth']])('%s has to be a mapping', async (key) => {
    const result = await checkJson({ servers, [key]: 5 });
    expect(errors(result)).toStrictEqual([
      `error CONFIG_INVALID 3 ${key}: ${key}: expected a mapping, got 5`,
    ]);
  });
});

describe('tokens', () => {
  it.each([
    [{ store: 'keychain' }, 'keychain'],
    [{ store: 'file' }, 'file'],
    [{}, undefined],
  ])('%j', async (tokens, store) => {
    expect(configOf(await checkJson({ servers, tokens })).tokens).toStrictEqual({ store });
  });
});

describe('master_oauth', () => {
  it('has the keys of auth_config', async () => {
    const master_oauth = {
      issuer: 'https://i.example',
      clientId: 'env:ID',
      scopes: 'a b',
      audience: 'x',
    };
    const result = await checkJson({ servers, master_oauth }, { env: { ID: 'id' } });
    expect(result.problems).toStrictEqual([]);
    expect(configOf(result).masterOauth).toStrictEqual({
      issuer: 'https://i.example',
      clientId: 'id',
      scopes: ['a', 'b'],
      audience: 'x',
    });
  });

  it('is not used when something is wrong with it', async () => {
    const master_oauth = {
      issuer: 'http://i.example',
      client_id: 'env:ID',
      client_secret: 'env:ID',
    };
    const result = await checkJson({ servers, master_oauth });
    expect(errors(result)).toStrictEqual([
      'error INSECURE_URL 4 master_oauth.issuer: master_oauth.issuer: tokens would cross the network without encryption',
      'error VARIABLE_UNSET 5 master_oauth.client_id: master_oauth.client_id: the variable ID is not set',
      'error VARIABLE_UNSET 6 master_oauth.client_secret: master_oauth.client_secret: the variable ID is not set',
    ]);
    expect(configOf(result)).toMatchObject({ masterOauth: undefined, secretRefs: [] });
  });

  it("warns of keys that belong to a server's entry", async () => {
    const master_oauth = { token_source: 'env:T', allow_passthrough: true };
    expect(warnings(await checkJson({ servers, master_oauth }))).toStrictEqual([
      'warning CONFIG_INVALID 4 master_oauth.token_source: master_oauth.token_source: has no effect here',
      'warning CONFIG_INVALID 5 master_oauth.allow_passthrough: master_oauth.allow_passthrough: has no effect here',
    ]);
  });
});
