import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateLimiter } from '../../../src/backend/rate-limiter.ts';

describe('RateLimiter', () => {
  it('lets so many begin at once, and the next when the first is old enough', () => {
    const limiter = new RateLimiter({ requests: 2, per: 10 });
    expect([0, 1000, 2000, 2000].map((now) => limiter.reserve(now, 60_000))).toEqual([
      0, 0, 8000, 9000,
    ]);
    expect(limiter.reserve(2000, 60_000)).toBe(18_000);
  });

  it('gives no place that comes too late, and takes none', () => {
    const limiter = new RateLimiter({ requests: 1, per: 10 });
    expect(limiter.reserve(0, 5000)).toBe(0);
    expect(limiter.reserve(0, 5000)).toBeUndefined();
    expect(limiter.reserve(6000, 5000)).toBe(4000);
  });

  it('never lets more begin in any such time', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 60 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 10 }),
        gaps,
        (requests, per, waits) => {
          const limiter = new RateLimiter({ requests, per });
          let now = 0;
          const begins = waits.flatMap((wait) => {
            now += wait;
            const until = limiter.reserve(now, 30_000);
            return until === undefined ? [] : [now + until];
          });
          for (const [at, begin] of begins.entries()) {
            const earlier = begins[at - requests];
            if (earlier !== undefined) expect(begin - earlier).toBeGreaterThanOrEqual(per * 1000);
          }
        },
      ),
    );
  });
});
