import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { OAuthSettings } from '../../../../src/config/config.ts';
import { type ClientWish, chooseClient } from '../../../../src/oauth/client/choose-client.ts';
import type { ClientRegistration } from '../../../../src/oauth/client/client-registration.ts';
import type { ServerMetadata } from '../../../../src/oauth/discovery/authorization-server.ts';
import { memoryLog } from '../../../support/memory-log.ts';

const REDIRECT = 'http://127.0.0.1:4711/oauth/callback';

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

const DYNAMIC: ClientRegistration = {
  source: 'dynamic',
  clientId: 'registered',
  clientSecret: 'registered-secret',
  authMethod: 'client_secret_post',
  redirectUri: REDIRECT,
  scopes: ['read'],
};

/** Chooses without a network: what would ask a server fails. */
async function choose(
  settings: OAuthSettings,
  metadata: Partial<ServerMetadata> = {},
  wish: Partial<ClientWish> = {},
) {
  const { log, lines } = memoryLog();
  const secrets: string[] = [];
  const endpoints = {
    authorization_endpoint: 'https://as.test/a',
    token_endpoint: 'https://as.test/t',
  };
  const client = await chooseClient(
    {
      authorizationServer: {
        metadata: { issuer: 'https://as.test', ...endpoints, ...metadata },
        source: 'metadata',
      },
      ...{ settings, redirectUri: REDIRECT, remembered: undefined, scopes: [], ...wish },
    },
    {
      fetch: () => Promise.reject(new TypeError('the network was asked')),
      ...{ now: () => 0, log, secret: (value) => void secrets.push(value) },
    },
  );
  return { client, lines, secrets };
}

describe('a configured client', () => {
  const listed = (...methods: string[]) => ({ token_endpoint_auth_methods_supported: methods });
  const secret: OAuthSettings = { clientId: 'id', clientSecret: 'a-secret' };
  test.each<[string, OAuthSettings, Partial<ServerMetadata>, string]>([
    ['without a secret', { clientId: 'id' }, listed('client_secret_basic'), 'none'],
    ['no list is Basic', secret, {}, 'client_secret_basic'],
    [
      'Basic before post',
      secret,
      listed('client_secret_post', 'client_secret_basic'),
      'client_secret_basic',
    ],
    [
      'post where only that is listed',
      secret,
      listed('none', 'client_secret_post'),
      'client_secret_post',
    ],
    [
      'Basic where none of ours is listed',
      secret,
      listed('tls_client_auth'),
      'client_secret_basic',
    ],
    ['a key', { clientId: 'id', privateKey }, listed('client_secret_basic'), 'private_key_jwt'],
    ['a key before a secret', { ...secret, privateKey }, {}, 'private_key_jwt'],
    [
      'the configuration wins',
      { ...secret, tokenEndpointAuthMethod: 'client_secret_post' },
      listed('client_secret_basic'),
      'client_secret_post',
    ],
  ])('%s', async (_, settings, metadata, method) => {
    const { client, secrets } = await choose(settings, metadata);
    expect(client).toMatchObject({
      source: 'configured',
      clientId: 'id',
      authMethod: method,
      redirectUri: REDIRECT,
    });
    const own = [settings.clientSecret, settings.privateKey].filter((value) => value !== undefined);
    expect(secrets).toEqual(own);
  });

  test('wins over everything else', async () => {
    const settings = { clientId: 'id', clientMetadataUrl: 'https://me.test/client.json' };
    const metadata = {
      client_id_metadata_document_supported: true,
      registration_endpoint: 'https://as.test/r',
    };
    const { client } = await choose(settings, metadata, { remembered: DYNAMIC, force: true });
    expect(client).toEqual({
      source: 'configured',
      clientId: 'id',
      authMethod: 'none',
      redirectUri: REDIRECT,
    });
  });

  test('a key that can not be used is found before anything is sent', async () => {
    const error = await choose({ clientId: 'id', privateKey: 'rubbish' }).catch((reason) => reason);
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining('BEGIN PRIVATE KEY'),
    });
    expect(error.message).not.toContain('rubbish');
  });
});

describe('a Client ID Metadata Document', () => {
  const settings = { clientMetadataUrl: 'https://me.test/client.json' };

  test('is used where it is supported', async () => {
    const { client } = await choose(
      settings,
      { client_id_metadata_document_supported: true },
      { remembered: DYNAMIC },
    );
    expect(client).toEqual({
      ...{ source: 'metadata_document', clientId: settings.clientMetadataUrl },
      ...{ authMethod: 'none', redirectUri: REDIRECT },
    });
  });

  test('is passed over, not in silence, where it is not', async () => {
    const { client, lines } = await choose(settings, {}, { remembered: DYNAMIC });
    expect(client).toBe(DYNAMIC);
    expect(lines.join()).toContain('warn  client_metadata_url is not used: https://as.test');
  });
});

describe('the client of an earlier login', () => {
  const registration = { registration_endpoint: 'https://as.test/register' };

  test('is used again, and its secret stays hidden', async () => {
    const wish = { remembered: DYNAMIC, scopes: ['read'] };
    const { client, secrets } = await choose({}, registration, wish);
    expect(client).toBe(DYNAMIC);
    expect(secrets).toEqual(['registered-secret']);
  });

  test.each<[string, Partial<ClientWish>]>([
    ['with --force', { remembered: DYNAMIC, force: true }],
    ['for a scope that it was not registered for', { remembered: DYNAMIC, scopes: ['write'] }],
    [
      'for another redirect URI',
      { remembered: { ...DYNAMIC, redirectUri: 'http://127.0.0.1:1/oauth/callback' } },
    ],
    ['when it came from the configuration', { remembered: { ...DYNAMIC, source: 'configured' } }],
  ])('not %s', async (_, wish) => {
    await expect(choose({}, registration, wish)).rejects.toMatchObject({
      code: 'REGISTRATION_FAILED',
    });
  });
});

describe('no client', () => {
  test('says what to write', async () => {
    await expect(choose({})).rejects.toMatchObject({
      code: 'CLIENT_ID_REQUIRED',
      message: expect.stringContaining('https://as.test does not register clients'),
      hint: `Register an application with the redirect URI ${REDIRECT} at https://as.test, then write in the entry of this server: auth_config: { issuer: "https://as.test", client_id: "…", redirect_uri: "${REDIRECT}" }, and client_secret: env:NAME if it gave you one.`,
    });
  });

  test('does not name an issuer that has no metadata', async () => {
    const metadata = {
      issuer: 'https://as.test',
      authorization_endpoint: 'https://as.test/a',
      token_endpoint: 'https://as.test/t',
    };
    const error = await choose(
      {},
      {},
      { authorizationServer: { metadata, source: 'settings' } },
    ).catch((reason) => reason);
    expect(error.hint).toContain('auth_config: { client_id:');
  });
});
