import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as pages from '../../../../src/oauth/flow/flow-pages.ts';
import { type Page, renderPage } from '../../../../src/oauth/flow/pages.ts';

const PAGE: Page = {
  status: 418,
  tone: 'error',
  title: 'A title',
  text: 'it happened',
  next: 'Do `this --now`',
  code: 'INTERNAL',
};

const read = (page: Partial<Page>) => renderPage({ ...PAGE, ...page }).text();

describe('a page', () => {
  it('says what it has to say', async () => {
    const html = await read({});
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(html).toContain('<title>A title · mcp-master</title>');
    expect(html).toContain('<h1>A title</h1>\n<p>It happened.</p>');
    expect(html).toContain('<p class="next">Do <code>this --now</code>.</p>');
    expect(html).toContain('<p class="code">INTERNAL</p>');
  });

  it('has no code unless it has one', async () => {
    const { code, ...page } = PAGE;
    expect(await renderPage(page).text()).not.toContain(code);
  });

  it.each([
    ['access was denied', '<p>Access was denied.</p>'],
    ['https://a.example says no', '<p>https://a.example says no.</p>'],
    ['What now?', '<p>What now?</p>'],
  ])('makes a sentence of "%s"', async (text, expected) => {
    expect(await read({ text })).toContain(expected);
  });

  it('keeps itself out of caches, referrers, frames and scripts', async () => {
    const response = renderPage(PAGE);
    expect(response.status).toBe(418);
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cross-origin-opener-policy': 'same-origin',
    });
    const policy = headers['content-security-policy'] ?? '';
    const nonce = /'nonce-([\w-]{36})'/.exec(policy)?.[1];
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src 'nonce-${nonce}'`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "form-action 'none'",
    ]);
    expect(await response.text()).toContain(`<style nonce="${nonce}">`);
    expect(renderPage(PAGE).headers.get('content-security-policy')).not.toBe(policy);
  });

  it('escapes whatever it is given', async () => {
    const skeleton = tags(await read({ next: 'Do it.' }));
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('<script>', '"><img src=x>', '&lt;'),
    );
    await fc.assert(
      fc.asyncProperty(text, text, text, async (title, happened, code) => {
        // Backticks become elements.
        const plain = happened.replaceAll('`', '');
        const html = await read({ title, text: plain, next: plain, code });
        expect(tags(html)).toEqual(skeleton);
      }),
    );
  });

  it('escapes in commands, too', async () => {
    expect(await read({ next: 'Run `a <b> "c"`' })).toContain(
      'Run <code>a &lt;b&gt; &quot;c&quot;</code>.',
    );
  });

  it('needs nothing from anywhere', async () => {
    const html = await read({});
    expect(html).not.toMatch(
      /<script|<link|<img|<iframe|\bon\w+=|\bstyle=|url\(|@import|\bsrc=|\bhref=/,
    );
  });
});

const tags = (html: string) => html.replace(/nonce="[^"]*"/, '').match(/<[^>]*>/g);

describe('the pages of a login', () => {
  it('that need no login have a next step, and status 400 or 404', async () => {
    const fixed = Object.values(pages).filter((page) => typeof page !== 'function');
    expect(fixed).toHaveLength(5);
    for (const page of fixed) {
      expect(page.next).toMatch(/`mcp-master auth (login --server=NAME|status)`/);
      expect([400, 404]).toContain(page.status);
      expect(await renderPage(page).text()).toContain(page.title);
    }
  });
});
