import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ToolRow } from '../../../src/cli/tool-rows.ts';
import { renderTools } from '../../../src/cli/tool-table.ts';

const ROWS: ToolRow[] = [
  {
    ...{ name: 'github__create_issue', server: 'github', original: 'create_issue' },
    ...{ description: `Opens an issue.\n\n  It takes ${'many '.repeat(30)}words.`, tokens: 1234 },
  },
  {
    ...{ name: 'search', server: 'plain', original: 'search', description: null, tokens: 12 },
  },
];

/** The lines on a terminal of this width; 0 = no terminal. */
function linesAt(columns: number, rows = ROWS): string[] {
  const stdout = new PassThrough();
  if (columns > 0) Object.assign(stdout, { columns });
  const terminal = { stdin: false, stdout: columns > 0, stderr: false };
  return renderTools(rows, { stdout, terminal, env: { NO_COLOR: '1' } }).split('\n');
}

describe('the table of tools', () => {
  it('has each description on one line, and the sum below', () => {
    const text = `Opens an issue. It takes ${'many '.repeat(30)}words.`;
    expect(linesAt(0)).toEqual([
      'NAME                  SERVER  TOKENS  DESCRIPTION',
      `github__create_issue  github  1,234   ${text}`,
      'search                plain   12      -',
      '',
      '2 tools of 2 servers, about 1,246 tokens',
      '',
    ]);
  });

  it('speaks of one tool and one server', () => {
    expect(linesAt(0, ROWS.slice(1)).at(-2)).toBe('1 tool of 1 server, about 12 tokens');
  });

  it.each([60, 64, 70, 80, 120, 200])('fits a terminal of %i columns', (columns) => {
    const lines = linesAt(columns);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines[1]).toMatch(/ Opens an .*…$/);
  });

  it('has no room for the servers where there is little', () => {
    expect(linesAt(62)[0]).toBe('NAME                  SERVER  TOKENS  DESCRIPTION');
    expect(linesAt(61)[0]).toBe('NAME                  TOKENS  DESCRIPTION');
    expect(linesAt(10)[1]).toBe('github__create_issue  1,234   Opens an issue. It take…');
  });

  it('lets no description drive the terminal, nor be cut within a character', () => {
    const rows = (description: string) => ROWS.slice(0, 1).map((row) => ({ ...row, description }));
    expect(linesAt(0, rows('a\u001b[2J\u202eb'))[1]).toMatch(/ {3}a�\[2J�b$/);
    for (const columns of [80, 81]) {
      const [, line = ''] = linesAt(columns, rows('😀'.repeat(60)));
      expect(line).toMatch(/^github__create_issue {2}github {2}1,234 {3}(😀)+…$/u);
    }
  });
});
