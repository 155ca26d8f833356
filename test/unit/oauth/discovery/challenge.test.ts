import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Challenge, parseChallenges } from '../../../../src/oauth/discovery/challenge.ts';
import {
  parseSchemes,
  type SchemeChallenge,
} from '../../../../src/oauth/discovery/www-authenticate.ts';

const METADATA = 'https://a.example/.well-known/oauth-protected-resource';

describe('parseChallenges', () => {
  it.each<[string, Challenge]>([
    ['Bearer', {}],
    ['bEaReR realm="x"', {}],
    [`Bearer resource_metadata="${METADATA}"`, { resourceMetadata: METADATA }],
    [`Bearer RESOURCE_METADATA = "${METADATA}"`, { resourceMetadata: METADATA }],
    [`Bearer resource_metadata=${METADATA}, error=x`, { resourceMetadata: METADATA, error: 'x' }],
    [
      'Bearer error="insufficient_scope", scope="read  write", error_description="a, \\"b\\" \\\\"',
      {
        error: 'insufficient_scope',
        scopes: ['read', 'write'],
        errorDescription: 'a, "b" \\',
      },
    ],
    ['Bearer scope="", error=""', {}],
    ['Basic realm="a, Bearer error=no", Bearer error="yes"', { error: 'yes' }],
    ['Negotiate abc==, Bearer error="yes"', { error: 'yes' }],
    ['Negotiate, NTLM, Bearer error="yes", Digest nonce="n", error="no"', { error: 'yes' }],
    ['Bearer error="yes", DPoP algs="ES256", error="no"', { error: 'yes' }],
    [`Bearer realm="a", Bearer resource_metadata="${METADATA}"`, { resourceMetadata: METADATA }],
    ['Bearer error="first", error="second"', { error: 'first' }],
    [' ,, Bearer ,error="yes",, ', { error: 'yes' }],
    ['Bearer error="never closed', { error: 'never closed' }],
    ['Bearer error="never closed\\', { error: 'never closed' }],
    ['@?;, Bearer error="yes"', { error: 'yes' }],
  ])('of %j', (header, challenge) => {
    expect(parseChallenges(header)).toStrictEqual(challenge);
  });

  it.each(['', 'Basic realm="Bearer"', 'error="no"', 'Negotiate Bearer', null, undefined])(
    'finds none in %j',
    (header) => {
      expect(parseChallenges(header)).toBeUndefined();
    },
  );
});

const letters = [...'!#$%&*+.^_`|~-abzABZ019'];
const token = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 8 });
const name = token.map((text) => text.toLowerCase());
const value = fc.string({ unit: fc.constantFrom(...'aZ0 ,="\\\t/:@é😀') });
const parameters = fc.uniqueArray(fc.tuple(name, value), {
  maxLength: 4,
  selector: ([key]) => key,
});
const challenge = fc.oneof(
  fc.record({
    scheme: name,
    token68: fc.constant(undefined),
    parameters: parameters.map((entries) => new Map(entries)),
  }),
  fc.record({
    scheme: name,
    token68: fc.stringMatching(/^[\w.~+/-]{1,8}={0,2}$/),
    parameters: fc.constant(new Map<string, string>()),
  }),
);

function write({ scheme, token68, parameters: pairs }: SchemeChallenge): string {
  const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
  const written = [...pairs].map(([key, text]) => `${key}=${quote(text)}`).join(', ');
  return [scheme, token68 ?? written].filter(Boolean).join(' ');
}

describe('parseSchemes', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
        const header = challenges.map(write).join(', ');
        expect(parseSchemes(header)).toEqual(challenges);
      }),
    );
  });

  it('never throws', () => {
    const piece = fc.oneof(
      fc.constantFrom('Bearer ', '"', '\\', '=', ',', ' ', 'scope', 'a='),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect(() => parseSchemes(pieces.join(''))).not.toThrow();
      }),
    );
    for (const part of ['Bearer ', 'a', '"', '\\', '= ', 'a ', 'a=" ', ',']) {
      expect(() => parseSchemes(part.repeat(10_000))).not.toThrow();
    }
  });
});
