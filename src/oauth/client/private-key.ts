import { createPrivateKey, type KeyObject, type webcrypto } from 'node:crypto';
import { McpMasterError } from '../../errors.ts';

/** A key that signs client assertions, and with which algorithm (RFC 7518 §3.1, RFC 8037 §3.1). */
export interface SigningKey {
  key: webcrypto.CryptoKey;
  alg: string;
}

interface Algorithm {
  /** The name in a JWT's header. */
  alg: string;
  /** The Web Crypto parameters that import a key for it. */
  subtle: { name: string; hash?: string; namedCurve?: string };
}

const RSA: Algorithm[] = [
  { alg: 'RS256', subtle: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } },
  { alg: 'PS256', subtle: { name: 'RSA-PSS', hash: 'SHA-256' } },
];

/** Two names for one algorithm: RFC 8037 and its successor RFC 9864. */
const ED25519: Algorithm[] = [
  { alg: 'EdDSA', subtle: { name: 'Ed25519' } },
  { alg: 'Ed25519', subtle: { name: 'Ed25519' } },
];

const CURVES: ReadonlyMap<string | undefined, Algorithm> = new Map([
  ['prime256v1', { alg: 'ES256', subtle: { name: 'ECDSA', namedCurve: 'P-256' } }],
  ['secp384r1', { alg: 'ES384', subtle: { name: 'ECDSA', namedCurve: 'P-384' } }],
  ['secp521r1', { alg: 'ES512', subtle: { name: 'ECDSA', namedCurve: 'P-521' } }],
]);

/**
 * Reads a private key in PEM form (PKCS #8, PKCS #1 or SEC 1) and chooses the first algorithm of its
 * kind that the server lists; without a list, the usual one. Rejects with `CONFIG_INVALID`.
 */
export async function readSigningKey(
  pem: string,
  listed: readonly string[] | undefined,
): Promise<SigningKey> {
  const parsed = parseKey(pem);
  const possible = algorithmsOf(parsed);
  const chosen = possible.find(({ alg }) => listed?.includes(alg) ?? true);
  if (chosen === undefined) {
    const names = possible.map(({ alg }) => alg).join(' or ');
    throw invalid(
      possible.length === 0
        ? 'is of a kind that does not sign client assertions'
        : `signs with ${names}, which the authorization server does not take`,
    );
  }
  const der = parsed.export({ type: 'pkcs8', format: 'der' });
  const key = await crypto.subtle.importKey('pkcs8', der, chosen.subtle, false, ['sign']);
  return { key, alg: chosen.alg };
}

function parseKey(pem: string): KeyObject {
  try {
    // In an environment variable line breaks are often written as \n.
    return createPrivateKey(pem.replaceAll('\\n', '\n'));
  } catch {
    // The reason is not kept: it says nothing to a person, and is about a secret.
    const encrypted = pem.includes('ENCRYPTED');
    throw invalid(encrypted ? 'is encrypted with a passphrase' : 'is no private key in PEM form');
  }
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): Algorithm[] {
  if (asymmetricKeyType === 'rsa') return RSA;
  if (asymmetricKeyType === 'ed25519') return ED25519;
  const curve = CURVES.get(asymmetricKeyDetails?.namedCurve);
  return curve === undefined ? [] : [curve];
}

function invalid(problem: string): McpMasterError {
  return new McpMasterError('CONFIG_INVALID', `the \`private_key\` of this server ${problem}`, {
    hint: 'Give an unencrypted RSA, EC or Ed25519 key as text that begins with "-----BEGIN PRIVATE KEY-----".',
  });
}
