import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { readSigningKey } from '../../../../src/oauth/client/private-key.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');

function pem(key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8'): string {
  return key.export({ type, format: 'pem' }).toString();
}

describe('readSigningKey', () => {
  test.each<[string, string, string[] | undefined, string]>([
    ['RSA', pem(rsa.privateKey), undefined, 'RS256'],
    ['RSA in PKCS #1', pem(rsa.privateKey, 'pkcs1'), undefined, 'RS256'],
    ['RSA where PS256 is listed', pem(rsa.privateKey), ['ES256', 'PS256'], 'PS256'],
    ['EC', pem(ec.privateKey), undefined, 'ES256'],
    ['EC in SEC 1', pem(ec.privateKey, 'sec1'), ['ES256'], 'ES256'],
    [
      'EC P-384',
      pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
      undefined,
      'ES384',
    ],
    ['Ed25519', pem(ed25519.privateKey), undefined, 'EdDSA'],
    ['Ed25519 by its new name', pem(ed25519.privateKey), ['Ed25519'], 'Ed25519'],
    ['line breaks as \\n', pem(ec.privateKey).replaceAll('\n', '\\n'), undefined, 'ES256'],
  ])('%s', async (_, text, listed, alg) => {
    const read = await readSigningKey(text, listed);
    expect(read.alg).toBe(alg);
    expect(read.key.usages).toEqual(['sign']);
  });

  const encrypted = rsa.privateKey.export({
    ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  });
  test.each<[string, string, string[] | undefined, string]>([
    ['text that is none', 'c2VjcmV0', undefined, 'is no private key in PEM form'],
    [
      'a public key',
      rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      undefined,
      'is no private key in PEM form',
    ],
    ['an encrypted key', String(encrypted), undefined, 'is encrypted with a passphrase'],
    [
      'a key for something else',
      pem(generateKeyPairSync('x25519').privateKey),
      undefined,
      'does not sign client assertions',
    ],
    [
      'a key that the server does not take',
      pem(rsa.privateKey),
      ['ES256'],
      'signs with RS256 or PS256',
    ],
  ])('%s is refused', async (_, text, listed, why) => {
    const error = await readSigningKey(text, listed).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(why),
      hint: expect.stringContaining('BEGIN PRIVATE KEY'),
    });
    expect(String(error)).not.toContain(text.slice(0, 8));
  });
});
