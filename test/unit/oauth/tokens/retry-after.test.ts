import { expect, test } from 'vitest';
import { readRetryAfter } from '../../../../src/oauth/tokens/retry-after.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const DAY = 86_400_000;

test.each<[string | null, number | undefined]>([
  ['7', 7_000],
  ['0', 0],
  ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
  ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
  ['99999999999999999999', DAY],
  ['Fri, 01 Jan 2038 00:00:00 GMT', DAY],
  ['soon', undefined],
  ['', undefined],
  [null, undefined],
])('Retry-After: %s', (value, expected) => {
  expect(readRetryAfter(value, NOW)).toBe(expected);
});
