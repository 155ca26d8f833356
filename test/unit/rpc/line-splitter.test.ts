import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/rpc/line-splitter.ts';

function split(chunks: Buffer[], limit = 100): { lines: string[]; oversized: [string, string][] } {
  const lines: string[] = [];
  const oversized: [string, string][] = [];
  const splitter = new LineSplitter(limit, {
    line: (bytes) => lines.push(bytes.toString('utf8')),
    oversized: (start, end) => oversized.push([start.toString('utf8'), end.toString('utf8')]),
  });
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return { lines, oversized };
}

describe('LineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const text = fc.array(
      fc.string({ unit: 'grapheme', maxLength: 20 }).map((s) => s.replaceAll('\n', '')),
    );
    fc.assert(
      fc.property(text, fc.array(fc.nat()), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
        const chunks = [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
        expect(split(chunks, 1000).lines).toEqual(lines);
      }),
    );
  });

  it('takes a last line without a line break', () => {
    expect(split([Buffer.from('one\ntw'), Buffer.from('o')]).lines).toEqual(['one', 'two']);
  });

  it('skips a line over the limit, keeps its ends, and goes on with the next', () => {
    const long = `START${'x'.repeat(10_000)}END`;
    const { lines, oversized } = split([Buffer.from(`a\n${long}`), Buffer.from('!\nb\n')]);
    expect(lines).toEqual(['a', 'b']);
    expect(oversized).toHaveLength(1);
    expect(oversized[0]?.[0]).toMatch(/^STARTx+$/);
    expect(oversized[0]?.[1]).toMatch(/^x+END!$/);
  });

  it('takes a line of just the limit, and not one byte more', () => {
    const whole = 'y'.repeat(100);
    expect(split([Buffer.from(`${whole}\n`)]).lines).toEqual([whole]);
    expect(split([Buffer.from(`${whole}z\n`)])).toMatchObject({
      lines: [],
      oversized: [[`${whole}z`, `${whole}z`]],
    });
  });
});
