import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { FoundStatus } from '../../../src/app/login-status.ts';
import { showStatus } from '../../../src/cli/status-table.ts';
import { serverConfig } from '../../support/server-config.ts';

const NOW = 10_000_000;

const FOUND: FoundStatus = {
  server: serverConfig({ name: 'github' }),
  status: {
    ...{ server: 'github', strategy: 'delegate_oauth', state: 'logged_in', store: 'keychain' },
    ...{ expires_at: null, has_refresh_token: true, issuer: null, next: null },
    ...{ last_used: null, last_error: null },
    scopes: Array.from({ length: 20 }, (_, at) => `scope:${at}`),
  },
  entry: {
    ...{ revision: 'r', server: 'github', account: 'a', store: 'keychain', loggedInAt: 0 },
    ...{ issuer: 'https://i.example', scopes: [], hasRefreshToken: true },
  },
  record: { lastUsedAt: NOW - 180_000, refreshes: 0, refusals: 0 },
};

/** The lines of the table on a terminal of this width; 0 = no terminal. */
function linesAt(columns: number, found: Parameters<typeof showStatus>[0] = [FOUND]): string[] {
  const stdout = new PassThrough();
  if (columns > 0) Object.assign(stdout, { columns });
  const terminal = { stdin: false, stdout: columns > 0, stderr: false };
  showStatus(found, {}, { stdout, terminal, env: { NO_COLOR: '1' }, now: () => NOW });
  return String(stdout.read()).trimEnd().split('\n');
}

describe('the table of auth status', () => {
  it('tells the last use in words', () => {
    const [head, row] = linesAt(0);
    expect(head).toMatch(/ REFRESH {2}LAST USED {6}SCOPES$/);
    expect(row).toMatch(/ yes {6}3 minutes ago {2}scope:0 scope:1 /);
  });

  it.each([50, 60, 70, 80, 100, 120, 200])('fits a terminal of %i columns', (columns) => {
    for (const line of linesAt(columns)) expect(line.length).toBeLessThanOrEqual(columns);
  });

  it('leaves out the last use where there is no room for it', () => {
    expect(linesAt(120)[0]).toContain('LAST USED');
    const [head, row] = linesAt(80);
    expect(head).not.toContain('LAST USED');
    expect(row).toMatch(/ scope:0 .*…$/);
  });

  it('leaves out more where there is less room, but never the state and its end', () => {
    expect(linesAt(50)[0]).toBe('SERVER  STATE      STORE     EXPIRES  REFRESH');
    expect(linesAt(40)[0]).toBe('SERVER  STATE      EXPIRES  REFRESH');
    expect(linesAt(10)[0]).toBe('SERVER  STATE      EXPIRES');
  });

  it('breaks the lines of an error between words', () => {
    const status = {
      ...FOUND.status,
      last_error: `REFRESH_FAILED: ${'again and '.repeat(12)}again`,
    };
    const lines = linesAt(60, [{ ...FOUND, status }]).slice(3);
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
    expect(lines[1]).toMatch(/^ {2}(again|and)/);
  });

  it('never has more than 60 characters of scopes', () => {
    expect(/scope:0.*/.exec(linesAt(0)[1] ?? '')?.[0]).toHaveLength(60);
  });

  it('has advice below its error, and only commands under "Next"', () => {
    const last_error = 'KEYCHAIN_LOCKED: it is locked';
    const advice = 'Unlock the\u001b keychain, and try again.';
    const status = { ...FOUND.status, last_error, next: advice };
    expect(linesAt(0, [{ ...FOUND, status, advice }]).slice(2)).toEqual([
      ...['', `github ${last_error}`, '  Unlock the\uFFFD keychain, and try again.'],
    ]);
    const lines = linesAt(40, [{ ...FOUND, status, advice: 'and again '.repeat(9) }]);
    expect(lines.length).toBeGreaterThan(6);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
  });

  it('has the last errors below, and then what to do', () => {
    const last_error = 'LOGIN_REQUIRED: no\u001b[31m';
    const status = { ...FOUND.status, last_error, next: 'mcp-master auth login --server=github' };
    expect(linesAt(0, [{ ...FOUND, status }]).slice(2)).toEqual([
      ...['', 'github LOGIN_REQUIRED: no\uFFFD[31m', ''],
      ...['Next:', '  mcp-master auth login --server=github'],
    ]);
  });
});
