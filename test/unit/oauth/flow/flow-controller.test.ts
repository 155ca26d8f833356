import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { McpMasterError } from '../../../../src/errors.ts';
import { OAuthFlowController } from '../../../../src/oauth/flow/flow-controller.ts';
import type { LoginAttempt } from '../../../../src/oauth/flow/flow-login.ts';
import { flow, ISSUER, location, now, STATE } from '../flow-support.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a login that succeeds', () => {
  it('leads to the provider, waits for the exchange, and shows the truth', async () => {
    const { login, get, callback } = flow();
    const start = await get(login.authorizePath);
    expect(start.status).toBe(302);
    expect(location(start)).toBe(`${ISSUER}/authorize?client_id=c&state=${STATE}`);

    const answer = callback(`code=abc&state=${STATE}&session=1`);
    expect((await login.response).toString()).toBe(`code=abc&state=${STATE}&session=1`);
    expect(await now(answer)).toBe('pending');
    login.finish();
    const redirect = await answer;
    expect(redirect.status).toBe(303);
    expect(location(redirect)).toMatch(/^\/oauth\/success\?flow=[\w-]{36}$/);
    for (let reload = 0; reload < 2; reload++) {
      const page = await get(location(redirect));
      expect(page.status).toBe(200);
      expect(await page.text()).toContain('Logged in to github');
    }
  });

  it('shows a failed exchange as one, also at the address of a success', async () => {
    const { login, get, callback } = flow();
    const answer = callback(`code=abc&state=${STATE}`);
    await login.response;
    login.finish(
      new McpMasterError('TOKEN_REQUEST_FAILED', 'the <code> was refused', { hint: 'try `x`' }),
    );
    const address = location(await answer);
    expect(address).toMatch(/^\/oauth\/error\?flow=/);
    const text = await (await get(address)).text();
    expect(text).toContain('TOKEN_REQUEST_FAILED');
    expect(text).toContain('The &lt;code&gt; was refused.');
    expect(text).toContain('<code>x</code>');
    const moved = await get(address.replace('error', 'success'));
    expect([moved.status, location(moved)]).toEqual([303, address]);
  });

  it('lets the browser go after a minute, with a page that promises nothing', async () => {
    const { login, get, callback } = flow();
    const answer = callback(`code=abc&state=${STATE}`);
    await vi.advanceTimersByTimeAsync(60_000);
    const address = location(await answer);
    const page = await get(address);
    expect([page.status, address.split('?')[0]]).toEqual([202, '/oauth/error']);
    expect(await page.text()).toContain('not finished yet');
    login.finish();
    const reloaded = await get(address);
    expect(location(reloaded)).toMatch(/^\/oauth\/success/);
  });

  it('takes the answer at the path of the redirect URI, and by another name of this computer', async () => {
    const redirectUri = 'http://localhost:4711/callback';
    const { login, get } = flow({ redirectUri });
    expect((await get(`/oauth/callback?code=abc&state=${STATE}`)).status).toBe(400);
    expect(await now(login.response)).toBe('pending');
    const answer = get(`http://[::1]:4711/callback?code=abc&state=${STATE}`);
    expect((await login.response).get('code')).toBe('abc');
    login.finish();
    await answer;
  });
});

describe('state', () => {
  it.each([
    ['foreign', 'code=SECRET&state=another'],
    ['of the same length', `code=SECRET&state=${'x'.repeat(STATE.length)}`],
    ['missing', 'code=SECRET'],
    ['empty', 'code=SECRET&state='],
    ['twice', `code=SECRET&state=${STATE}&state=${STATE}`],
    ['foreign with an error', 'error=SECRET&error_description=SECRET&state=another'],
  ])('%s: nothing is shown, and the login goes on', async (_, query) => {
    const { login, callback } = flow();
    const page = await callback(query);
    expect(page.status).toBe(400);
    const text = await page.text();
    expect(text).not.toContain('SECRET');
    expect(text).not.toContain('github');
    expect(await now(login.response)).toBe('pending');
    const answer = callback(`code=abc&state=${STATE}`);
    expect((await login.response).get('code')).toBe('abc');
    login.finish();
    expect(location(await answer)).toContain('/oauth/success');
  });

  it('works once: while the exchange runs, and after it', async () => {
    const { login, callback } = flow();
    const first = callback(`code=abc&state=${STATE}`);
    const second = await callback(`code=SECRET&state=${STATE}`);
    expect(second.status).toBe(400);
    expect(await second.text()).not.toContain('SECRET');
    login.finish();
    await first;
    expect((await callback(`error=SECRET&state=${STATE}`)).status).toBe(400);
    expect((await login.response).get('code')).toBe('abc');
  });

  it('any other query shows nothing of itself, and ends no login', async () => {
    const { login, get } = flow();
    const value = fc.oneof(fc.string(), fc.constantFrom('<script>', 'access_denied', ISSUER));
    const name = fc.constantFrom('state', 'code', 'iss', 'error', 'error_description', 'flow', 'x');
    const query = fc.array(fc.tuple(name, value), { maxLength: 6 });
    const path = fc.constantFrom(
      '/oauth/callback',
      '/oauth/success',
      '/oauth/error',
      '/oauth/authorize',
    );
    const blank = new Map<string, string>();
    for (const known of ['/oauth/callback', '/oauth/success', '/oauth/error', '/oauth/authorize']) {
      blank.set(known, withoutNonce(await (await get(known)).text()));
    }
    await fc.assert(
      fc.asyncProperty(path, query, async (where, parameters) => {
        const page = await get(`${where}?${new URLSearchParams(parameters)}`);
        expect(page.status).toBeGreaterThanOrEqual(400);
        expect(withoutNonce(await page.text())).toBe(blank.get(where));
      }),
    );
    expect(await now(login.response)).toBe('pending');
  });
});

const withoutNonce = (html: string) => html.replace(/nonce="[^"]*"/, '');

describe('what the provider answers', () => {
  it.each<[string, string, Partial<LoginAttempt>, string, RegExp]>([
    ['a refusal', 'error=access_denied', {}, 'ACCESS_DENIED', /allow the access/],
    ['a scope', 'error=invalid_scope', {}, 'INVALID_SCOPE', /`scopes` of github/],
    ['its own trouble', 'error=server_error', {}, 'TOKEN_REQUEST_FAILED', /try again later/],
    ['a wrong resource', 'error=invalid_target', {}, 'TOKEN_REQUEST_FAILED', /`resource`/],
    ['a wrong client', 'error=unauthorized_client', {}, 'TOKEN_REQUEST_FAILED', /`client_id`/],
    ['anything else', 'error=teapot', {}, 'TOKEN_REQUEST_FAILED', /Start again/],
    ['error and code', 'error=access_denied&code=abc', {}, 'ACCESS_DENIED', /allow/],
    ['nothing', 'x=1', {}, 'TOKEN_REQUEST_FAILED', /Start again/],
    ['an empty code', 'code=', {}, 'TOKEN_REQUEST_FAILED', /Start again/],
    ['two codes', 'code=SECRET&code=b', {}, 'TOKEN_REQUEST_FAILED', /Start again/],
    ['two errors', 'error=a&error=b', {}, 'TOKEN_REQUEST_FAILED', /Start again/],
    ['another issuer', `code=SECRET&iss=${ISSUER}/`, {}, 'ISSUER_MISMATCH', /`issuer`/],
    ['another issuer with an error', 'error=SECRET&iss=x', {}, 'ISSUER_MISMATCH', /`issuer`/],
    ['no issuer', 'code=SECRET', { issRequired: true }, 'ISSUER_MISMATCH', /`issuer`/],
    ['no issuer with an error', 'error=SECRET', { issRequired: true }, 'ISSUER_MISMATCH', /./],
  ])('%s', async (_, query, more, code, hint) => {
    const { login, get, callback } = flow(more);
    const address = location(await callback(`${query}&state=${STATE}`));
    const error = await now(login.response);
    expect(error).toMatchObject({ code, hint: expect.stringMatching(hint) });
    expect(address).toMatch(/^\/oauth\/error\?flow=/);
    const page = await get(address);
    const text = await page.text();
    expect(page.status).toBe(400);
    expect(text).toContain(code);
    expect(`${text} ${(error as McpMasterError).message}`).not.toContain('SECRET');
    // Its owner has no better word on it.
    login.finish();
    expect(location(await get(address.replace('error', 'success')))).toBe(address);
  });

  it('accepts the right issuer', async () => {
    const { login, callback } = flow({ issRequired: true });
    const answer = callback(`code=abc&state=${STATE}&iss=${encodeURIComponent(ISSUER)}`);
    expect((await login.response).get('code')).toBe('abc');
    login.finish();
    await answer;
  });

  it('shows a description escaped, as one line, and not all of a long one', async () => {
    const issuer = 'https://user:PASSWORD@issuer.example/tenant?key=KEY';
    const { login, get, callback } = flow({ issuer });
    const description = encodeURIComponent(`<b>no</b>\n\u202Eway${'!'.repeat(9000)}`);
    const address = location(
      await callback(`error=access_denied&error_description=${description}&state=${STATE}`),
    );
    const { message } = (await now(login.response)) as McpMasterError;
    expect(message).toMatch(
      /^access was denied at https:\/\/issuer\.example\/tenant \(access_denied: /,
    );
    expect(message).toContain('<b>no</b> way!!!');
    expect(message.length).toBeLessThan(450);
    const html = await (await get(address)).text();
    expect(html).toContain('&lt;b&gt;no&lt;/b&gt; way');
    expect(html).not.toContain('<b>');
  });
});

describe('requests', () => {
  it.each([
    'http://evil.example:4711',
    'http://127.0.0.1:4712',
    'https://127.0.0.1:4711',
    'http://127.0.0.2:4711',
    'http://127.0.0.1.evil.example:4711',
  ])('by another host than that of a login get nothing: %s', async (origin) => {
    const { login, get } = flow();
    for (const path of [login.authorizePath, `/oauth/callback?code=a&state=${STATE}`, '/', '/x']) {
      const response = await get(`${origin}${path}`);
      expect([response.status, await response.text()]).toEqual([421, '']);
    }
    expect(await now(login.response)).toBe('pending');
  });

  it('before any login get nothing, but for the origins of the owner', async () => {
    const controller = new OAuthFlowController({ origins: ['https://worker.example'] });
    const get = (url: string) => controller.handleRequest(new Request(url));
    expect((await get('http://127.0.0.1/oauth/success')).status).toBe(421);
    const page = await get('https://worker.example/oauth/authorize?server_id=github');
    expect(page.status).toBe(404);
    expect(await page.text()).toContain('mcp-master auth login --server=NAME');
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is refused', async (method) => {
    const { login, get } = flow();
    const response = await get(`/oauth/callback?code=a&state=${STATE}`, method);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(await now(login.response)).toBe('pending');
  });

  it('HEAD answers without effect and content', async () => {
    const { login, get } = flow();
    const paths = [login.authorizePath, `/oauth/callback?code=a&state=${STATE}`, '/oauth/success'];
    for (const path of paths) {
      const response = await get(path, 'HEAD');
      expect([response.status, await response.text(), location(response)]).toEqual([200, '', '']);
    }
    expect((await get('/x', 'HEAD')).status).toBe(404);
    expect(await now(login.response)).toBe('pending');
  });

  it.each([
    ['no nonce', (path: string) => path.replace(/&nonce=.*/, '')],
    ['a wrong nonce', (path: string) => path.replace(/.$/, (end) => (end === '0' ? '1' : '0'))],
    ['another server', (path: string) => path.replace('github', 'other')],
    ['no server', (path: string) => path.replace('server_id=github&', '')],
  ])('to the provider start nothing with %s', async (_, change) => {
    const { login, get } = flow();
    const page = await get(change(login.authorizePath));
    expect(page.status).toBe(404);
    expect(await page.text()).toContain('mcp-master auth login --server=NAME');
  });

  it.each([
    '/',
    '/favicon.ico',
    '/oauth',
    '/oauth/callback/',
    '/oauth//callback',
    '/OAuth/callback',
  ])('for %s find nothing', async (path) => {
    const { login, get } = flow();
    expect((await get(`${path}?code=a&state=${STATE}`)).status).toBe(404);
    expect(await now(login.response)).toBe('pending');
  });

  it('a redirect URI at the place of another page is refused', () => {
    const redirectUri = 'http://127.0.0.1:4711/oauth/success';
    expect(() => flow({ redirectUri })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});

describe('the module', () => {
  it('needs nothing of Node.js, so that it runs in Workers', () => {
    const files = new Set([
      fileURLToPath(new URL('../../../../src/oauth/flow/flow-controller.ts', import.meta.url)),
    ]);
    for (const file of files) {
      const source = readFileSync(file, 'utf8');
      expect(source).not.toMatch(/\b(process|Buffer|NodeJS|globalThis)\.|\b(require|import)\(/);
      for (const [, imported = ''] of source.matchAll(/ from '([^']+)'/g)) {
        expect(imported).toMatch(/^\.\.?\//);
        files.add(join(dirname(file), imported));
      }
    }
    expect(files.size).toBeGreaterThan(4);
  });
});
