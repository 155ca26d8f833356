import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alternativeName, qualifiedName } from '../../../src/proxy/names.ts';

const LIMIT = 47;

describe('qualifiedName', () => {
  it.each([
    ['a plain name', { server: 'git', prefix: 'git', name: 'log' }, 'git__log'],
    ['another prefix', { server: 'git', prefix: 'g', name: 'log' }, 'g__log'],
    ['no prefix', { server: 'git', prefix: '', name: 'log' }, 'log'],
    ['separators within', { server: 'a__b', prefix: 'a__b', name: 'c__d' }, 'a__b__c__d'],
    [
      'just the limit',
      { server: 's', prefix: 's', name: 'x'.repeat(LIMIT - 3) },
      `s__${'x'.repeat(LIMIT - 3)}`,
    ],
  ])('leaves %s as it is', (_, identity, name) => {
    expect(qualifiedName(identity, LIMIT)).toBe(name);
  });

  it('replaces other characters, and tells names apart that would then be one', () => {
    const names = ['a.b', 'a b', 'a/b', 'a_b'].map((name) =>
      qualifiedName({ server: 's', prefix: 's', name }, LIMIT),
    );
    expect(names[3]).toBe('s__a_b');
    expect(names.slice(0, 3)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^s__a_b_[0-9a-f]{8}$/)]),
    );
    expect(new Set(names).size).toBe(4);
  });

  it('is within the limit, of allowed characters, stable, and different for different tools', () => {
    const part = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(
        part,
        part,
        part,
        fc.integer({ min: 16, max: 64 }),
        (prefix, one, other, limit) => {
          const identity = { server: 'srv', prefix, name: one };
          const name = qualifiedName(identity, limit);
          expect(name).toMatch(/^[A-Za-z0-9_-]+$/);
          expect(name.length).toBeLessThanOrEqual(limit);
          expect(qualifiedName(identity, limit)).toBe(name);
          if (one !== other)
            expect(qualifiedName({ ...identity, name: other }, limit)).not.toBe(name);
        },
      ),
    );
  });
});

describe('alternativeName', () => {
  it('takes the name of the server where there was no prefix', () => {
    expect(alternativeName({ server: 'git', prefix: '', name: 'log' }, LIMIT)).toBe('git__log');
  });

  it('adds a hash where there was one', () => {
    expect(alternativeName({ server: 'a', prefix: 'a', name: 'b__c' }, LIMIT)).toMatch(
      /^a__b__c_[0-9a-f]{8}$/,
    );
  });
});
