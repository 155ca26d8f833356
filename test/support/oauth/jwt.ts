import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { TokenInfo } from './token-checker.ts';

/** A JWT's signature is the two numbers, not their ASN.1 (RFC 7518 §3.4). */
const dsaEncoding = 'ieee-p1363';

/** Reads an access token (RFC 9068) that this issuer has signed; undefined when it is not good. */
export function readJwt(
  token: string,
  { issuer, key }: { issuer: string; key: KeyObject },
): TokenInfo | undefined {
  const [header, payload, signature, ...more] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined) return undefined;
  if (more.length > 0) return undefined;
  const signed = Buffer.from(`${header}.${payload}`);
  const bytes = Buffer.from(signature, 'base64url');
  if (!verify('sha256', signed, { key, dsaEncoding }, bytes)) return undefined;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  if (claims.iss !== issuer || claims.exp * 1000 <= Date.now()) return undefined;
  const { client_id: clientId, sub: subject, aud: audience, scope = '' } = claims;
  return { clientId, subject, audience, scopes: scope.split(' ').filter(Boolean) };
}

/** Signs claims with an EC key: a client's assertion (RFC 7523 §2.2), for instance. */
export function signJwt(claims: object, key: KeyObject): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding });
  return `${signed}.${signature.toString('base64url')}`;
}

/** The public half of a key as a JSON Web Key for ES256. */
export function publicJwk(key: KeyObject): object {
  return { ...createPublicKey(key).export({ format: 'jwk' }), alg: 'ES256', use: 'sig' };
}
