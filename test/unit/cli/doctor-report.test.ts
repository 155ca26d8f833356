import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/cli/doctor-finding.ts';
import { renderFindings } from '../../../src/cli/doctor-report.ts';
import { checkNode, checkProxies } from '../../../src/cli/doctor-system.ts';

const OK: Finding = {
  ...{ check: 'token_store', server: null, level: 'ok', hint: null },
  message: 'the keychain keeps what is written to it',
};
const WARNING: Finding = {
  ...{ check: 'credential', server: 'api', level: 'warning' },
  message: 'the token in the header Authorization expires in 3 days',
  hint: 'Get a new token.',
};
const ERROR: Finding = {
  ...{ check: 'login', server: 'mail', level: 'error' },
  message: 'nobody has logged in to it yet (LOGIN_REQUIRED)',
  hint: 'Log in: mcp-master auth login --server=mail',
};

function render(findings: Finding[], columns = 0, env = {}): string {
  const stdout = Object.assign(new PassThrough(), columns > 0 && { columns });
  const terminal = { stdin: false, stdout: columns > 0, stderr: false };
  return renderFindings(findings, { stdout, terminal, env });
}

describe('the report of doctor', () => {
  it('goes server by server, and ends with what to do, errors first', () => {
    expect(render([OK, WARNING, ERROR])).toBe(
      [
        'mcp-master',
        '  ✔ token store  the keychain keeps what is written to it',
        '',
        'api',
        '  ! credential   the token in the header Authorization expires in 3 days',
        '',
        'mail',
        '  ✖ login        nobody has logged in to it yet (LOGIN_REQUIRED)',
        '',
        '1 error, 1 warning.',
        '',
        'Next:',
        '  mail: Log in: mcp-master auth login --server=mail',
        '  api: Get a new token.',
        '',
      ].join('\n'),
    );
  });

  it('is short when all is well', () => {
    expect(render([OK])).toMatch(/\n\nAll is well\.\n$/);
  });

  it('says each step once', () => {
    const text = render([ERROR, ERROR, { ...ERROR, hint: null }]);
    expect(text).toContain('3 errors.');
    expect(text.match(/Log in:/g)).toHaveLength(1);
  });

  it.each([60, 80, 120])('breaks lines between words at %i columns', (columns) => {
    const path = `/home/ann/${'x'.repeat(20)}/config.yaml`;
    const message = `${path}: ${'word '.repeat(40)}end\nand another line`;
    const text = render([OK, { ...WARNING, message }], columns, { NO_COLOR: '1' });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
    expect(text.replace(/\s+/g, ' ')).toContain(`${'word '.repeat(40)}end and another line`);
    expect(text).toMatch(/^ {17}and another line$/m);
  });

  it('has colours on a terminal alone, and never what drives one', () => {
    expect(render([OK, WARNING, ERROR], 80)).toContain('\u001b[32m✔');
    expect(render([OK, WARNING, ERROR], 80, { NO_COLOR: '1' })).not.toContain('\u001b');
    const foreign = { ...ERROR, message: 'red \u001b[31m', hint: 'blue \u001b[34m' };
    expect(render([foreign])).not.toContain('\u001b');
  });
});

describe('checkNode', () => {
  it.each([
    ['20.17.0', 'ok'],
    ['20.17.1', 'ok'],
    ['21.7.3', 'error'],
    ['22.2.0', 'error'],
    ['22.3.0', 'ok'],
    ['23.0.0', 'ok'],
    ['100.1.0', 'ok'],
    ['20.16.9', 'error'],
    ['18.20.4', 'error'],
  ])('of %s is %s', (version, level) => {
    const finding = checkNode(version);
    expect(finding).toMatchObject({ check: 'node', level });
    expect(finding.message).toContain(version);
    expect(finding.hint === null).toBe(level === 'ok');
  });

  it('looks at the one that runs', () => {
    expect(checkNode()).toMatchObject({ level: 'ok', message: `Node.js ${process.versions.node}` });
  });
});

describe('checkProxies', () => {
  it('names the variables, and nothing of their values', () => {
    expect(checkProxies({})).toEqual([]);
    expect(checkProxies({ NO_PROXY: 'a', HTTPS_PROXY: '' })).toEqual([]);
    const env = { https_proxy: 'http://ann:s3cret@proxy:1', HTTP_PROXY: 'x', NO_PROXY: 'internal' };
    const [finding, ...more] = checkProxies(env);
    expect(more).toEqual([]);
    expect(finding?.message).toMatch(/https_proxy and HTTP_PROXY, but for what NO_PROXY names/);
    expect(JSON.stringify(finding)).not.toMatch(/s3cret|proxy:1|internal/);
  });
});
