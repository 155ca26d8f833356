import { describe, expect, it } from 'vitest';
import { McpMasterError } from '../../../src/errors.ts';
import { BackOff } from '../../../src/oauth/back-off.ts';

const HOUR = 3_600_000;
const down = new McpMasterError('REFRESH_FAILED', 'down');

function createBackOff() {
  const clock = { now: 10 * HOUR };
  return { clock, backOff: new BackOff(() => clock.now) };
}

describe('BackOff', () => {
  it('counts for the login that failed, and for no other', () => {
    const { backOff } = createBackOff();
    backOff.note('first', down);
    expect(backOff.failure('first')).toBe(down);
    expect(backOff.failure('second')).toBeUndefined();
    expect(backOff.failure(undefined)).toBeUndefined();
  });

  it('is over when the clock is set back, unless the server has rejected the token', () => {
    const { backOff, clock } = createBackOff();
    backOff.note('first', down);
    clock.now -= 8 * HOUR;
    expect(backOff.failure('first')).toBeUndefined();
    const rejected = new McpMasterError('REFRESH_REJECTED', 'invalid_grant');
    backOff.note('first', rejected);
    clock.now -= HOUR;
    expect(backOff.failure('first')).toBe(rejected);
    clock.now += 1000 * HOUR;
    expect(backOff.failure('first')).toBe(rejected);
  });

  it.each([
    ['as long as the server asks for', 20_000, 20_000],
    ['no longer than ten minutes, whatever it asks for', 1e300, 600_000],
    ['a second at least', 10, 1000],
  ])('lasts %s', (_, retryAfterMs, pause) => {
    const { backOff, clock } = createBackOff();
    backOff.note('first', new McpMasterError('REFRESH_FAILED', 'slow down', { retryAfterMs }));
    clock.now += pause - 1;
    expect(backOff.failure('first')).toBeDefined();
    clock.now += 1;
    expect(backOff.failure('first')).toBeUndefined();
  });

  it('begins anew after a success', () => {
    const { backOff, clock } = createBackOff();
    for (const _ of [1, 2, 3]) backOff.note('first', down);
    backOff.clear();
    expect(backOff.failure('first')).toBeUndefined();
    backOff.note('first', down);
    clock.now += 1000;
    expect(backOff.failure('first')).toBeUndefined();
  });

  it('never lasts longer than a minute by itself, however often it has failed', () => {
    const { backOff, clock } = createBackOff();
    for (let failures = 0; failures < 2000; failures += 1) backOff.note('first', down);
    clock.now += 60_000;
    expect(backOff.failure('first')).toBeUndefined();
  });
});
