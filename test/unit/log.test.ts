import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger, Redactor } from '../../src/log.ts';
import { memoryLog } from '../support/memory-log.ts';

describe('createLogger', () => {
  it('prints its level and those before it, with time, level and name', () => {
    const { log, lines } = memoryLog('warn');
    const named = log.named('github').named('http');
    named.error('e');
    named.warn('w');
    named.info('i');
    named.debug('d');
    expect(lines).toEqual([
      '00:00:00.000 error [github/http] e\n',
      '00:00:00.000 warn  [github/http] w\n',
    ]);
    expect([log.enabled('warn'), log.enabled('info')]).toEqual([true, false]);
  });

  it('lets foreign text forge no lines and drive no terminal', () => {
    const { log, lines } = memoryLog();
    log.info('a\n00:00:00.000 error forged\u001b[2J\u0007\u009b');
    expect(lines).toEqual(['00:00:00.000 info  a ⏎ 00:00:00.000 error forged·[2J··\n']);
  });

  it('masks registered secrets in every form', () => {
    const lines: string[] = [];
    const redactor = new Redactor();
    const secret = 's3cr3t "quoted" /&?';
    redactor.add(secret);
    const log = createLogger({
      level: 'info',
      write: (line) => lines.push(line),
      redactor,
      now: () => 0,
    });
    log.info(`${secret} ${JSON.stringify({ secret })} ${encodeURIComponent(secret)}`);
    expect(lines[0]).toBe('00:00:00.000 info  *** {"secret":"***"} ***\n');
  });
});

/** Nobody's token: what follows `Bearer` or `Basic` where they are spoken of. */
const SENTENCE_WORDS = new Set(
  'authentication authorization challenge challenges credential credentials header headers scheme schemes tokens'.split(
    ' ',
  ),
);

describe('Redactor', () => {
  it.each([
    ['Authorization: Bearer abc.def-123', 'Authorization: Bearer ***'],
    ['Basic dXNlcjpwYXNz', 'Basic ***'],
    ['token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln end', 'token *** end'],
    ['?access_token=abc&x=1', '?access_token=***&x=1'],
    ['{"refresh_token":"abc","x":1}', '{"refresh_token":"***","x":1}'],
    ['https://user:pass@host/x', 'https://***@host/x'],
  ])('masks %s unasked', (text, shown) => {
    expect(new Redactor().redact(text)).toBe(shown);
  });

  it.each([
    'its token is of the type DPoP, and only Bearer tokens can be used',
    'Only Bearer tokens.',
    'it asks for Basic authentication: set a header',
    'the Bearer challenge of the server',
  ])('leaves our sentence whole: %s', (text) => {
    expect(new Redactor().redact(text)).toBe(text);
  });

  it.each([
    ['Bearer tokens-of-mine', 'Bearer ***'],
    ['Bearer tokens.of.mine', 'Bearer ***'],
    ['Bearer tokens..', 'Bearer ***'],
    ['Bearer tokens=', 'Bearer ***'],
    ['Basic authenticationA==', 'Basic ***'],
    ['Bearer secretword', 'Bearer ***'],
  ])('masks %s, which only begins like a sentence', (text, shown) => {
    expect(new Redactor().redact(text)).toBe(shown);
  });

  it('masks every credential after its scheme, whatever stands around it', () => {
    const scheme = fc.constantFrom('Bearer', 'bearer', 'BEARER', 'Basic');
    // RFC 6750 §2.1, `b64token`; shorter ones are no secrets.
    const token = fc.oneof(
      fc.stringMatching(/^[\w.~+/-]{6,80}={0,2}$/),
      fc.stringMatching(/^[a-z]{6,12}$/),
      fc
        .tuple(fc.constantFrom('tokens', 'scheme', 'headers'), fc.stringMatching(/^[\w~+/-]{1,5}$/))
        .map((parts) => parts.join('')),
    );
    const around = fc.constantFrom('', ' ', '"', ',', ': ', '\n', '; tokens ');
    fc.assert(
      fc.property(scheme, token, around, around, (name, secret, before, after) => {
        fc.pre(!SENTENCE_WORDS.has(secret.replace(/\.$/, '').toLowerCase()));
        const shown = new Redactor().redact(`${before}${name} ${secret}${after}`);
        expect(shown).toBe(`${before}${name} ***${after}`);
      }),
      { numRuns: 2000 },
    );
  });

  it('masks values that come and go, the latest 300 of them', () => {
    const redactor = new Redactor();
    redactor.add('configured-secret');
    for (let at = 1; at <= 301; at++) redactor.addPassing(`opaque-token-${at}-end`);
    expect(redactor.redact('got opaque-token-301-end')).toBe('got ***');
    expect(redactor.redact('got opaque-token-2-end')).toBe('got ***');
    expect(redactor.redact('got opaque-token-1-end')).toBe('got opaque-token-1-end');
    expect(redactor.redact('has configured-secret')).toBe('has ***');
  });

  it('leaves short values and plain text alone', () => {
    const redactor = new Redactor();
    redactor.add('abc');
    expect(redactor.redact('abc is the code of nobody')).toBe('abc is the code of nobody');
  });

  it('never shows a registered secret, whatever stands around it', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 6 }),
        fc.string(),
        fc.string(),
        (secret, before, after) => {
          fc.pre(!'***'.includes(secret) && !secret.includes('*'));
          const redactor = new Redactor();
          redactor.add(secret);
          expect(redactor.redact(before + secret + after)).not.toContain(secret);
        },
      ),
    );
  });
});
