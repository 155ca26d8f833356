import { describe, expect, it } from 'vitest';
import { PROTOCOL_VERSIONS } from '../../../src/backend/handshake.ts';
import { secureUrl } from '../../../src/oauth/discovery/address.ts';
import { MCP_REVISION } from '../../../src/oauth/discovery/mcp-revision.ts';
import { coversServer } from '../../../src/oauth/discovery/protected-resource.ts';
import { excerpt, shownUrl } from '../../../src/oauth/shown.ts';

describe('coversServer', () => {
  it.each([
    ['https://a.example/mcp', true],
    ['https://a.example/mcp/', true],
    ['https://a.example', true],
    ['https://a.example/', true],
    ['https://A.example:443/mcp', true],
    ['https://a.example/mc', false],
    ['https://a.example/mcp/v1', false],
    ['https://a.example/mcp//', false],
    ['https://a.example/MCP', false],
    ['https://a.example/mcp?tenant=1', false],
    ['https://a.example/mcp#f', false],
    ['https://a.example:8443/mcp', false],
    ['http://a.example/mcp', false],
    ['https://a.example.evil.example/mcp', false],
    ['urn:a', false],
    ['mcp', false],
  ])('%s speaks for https://a.example/mcp: %s', (resource, expected) => {
    expect(coversServer(resource, new URL('https://a.example/mcp'))).toBe(expected);
  });

  it('takes a query, or leaves it out, but never another one', () => {
    const server = new URL('https://a.example/mcp?tenant=1');
    const covers = (query: string) => coversServer(`https://a.example/mcp${query}`, server);
    expect(['', '?tenant=1', '?tenant=2'].map(covers)).toStrictEqual([true, true, false]);
  });
});

describe('secureUrl', () => {
  it.each([
    'https://a.example/x?y=z',
    'http://127.0.0.1:1/x',
    'http://localhost/',
    'http://[::1]/',
  ])('takes %s', (text) => {
    expect(secureUrl(text, 'it').href).toBe(text);
  });

  it.each([
    ['http://a.example/x?secret', 'INSECURE_URL', 'it is "http://a.example/x": codes and tokens'],
    ['javascript:alert(1)', 'INSECURE_URL', 'got javascript'],
    ['file:///etc/passwd', 'INSECURE_URL', 'got file'],
    [
      'https://user:secret@a.example/',
      'DISCOVERY_FAILED',
      'it is "https://a.example/": a URL can not',
    ],
    ['https://a.example/#secret', 'DISCOVERY_FAILED', 'it is "https://a.example/": a URL to send'],
    ['a.example', 'DISCOVERY_FAILED', 'expected a whole URL'],
  ])('refuses %s', (text, code, message) => {
    expect(() => secureUrl(text, 'it')).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringContaining(message),
        hint: expect.any(String),
      }),
    );
    expect(() => secureUrl(text, 'it')).not.toThrow(/secret/);
  });
});

describe('what is shown', () => {
  it('foreign text is one short line', () => {
    expect(excerpt(' a\r\n\u0007b\u001b[31m ')).toBe('a b [31m');
    expect(excerpt('x'.repeat(10_000))).toBe(`${'x'.repeat(200)}…`);
  });

  it.each([
    ['https://as.example', 'https://as.example'],
    ['https://as.example/', 'https://as.example/'],
    ['https://u:p@as.example/a?q=1#f', 'https://as.example/a'],
    ['no url\n?q', 'no url'],
  ])('%j as %j', (url, shown) => {
    expect(shownUrl(url)).toBe(shown);
  });
});

it('discovery speaks of the newest revision that the backends are spoken to in', () => {
  expect(MCP_REVISION).toBe(PROTOCOL_VERSIONS[0]);
});
