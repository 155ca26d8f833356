import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { McpMasterError } from '../../../src/errors.ts';
import { OAuthFlowController } from '../../../src/oauth/flow/flow-controller.ts';
import { listenOnLoopback } from '../../../src/platform/loopback-server.ts';
import { hasChromium, startChromium } from '../../support/chromium.ts';

const FAILURE = new McpMasterError(
  'TOKEN_REQUEST_FAILED',
  `https://issuer.example/${'very-long-tenant-name/'.repeat(6)} refused the <script>alert(1)</script> code`,
  { hint: 'Check `client_secret` of `github`, then: `mcp-master auth login --server=github`.' },
);

/** A login on a real listener, whose provider is another listener that sends the browser back. */
async function startLogin() {
  const controller = new OAuthFlowController();
  const hostname = '127.0.0.1';
  const handle = (request: Request) => controller.handleRequest(request);
  const listener = await listenOnLoopback({ hostname, port: 0, handle });
  onTestFinished(() => listener.close());
  const origin = `http://${hostname}:${listener.port}`;
  const callback = `${origin}/oauth/callback?code=the-code&state=the-state`;
  const provider = await listenOnLoopback({
    hostname,
    port: 0,
    handle: async () => new Response(null, { status: 302, headers: { location: callback } }),
  });
  onTestFinished(() => provider.close());
  const login = controller.begin({
    server: 'github',
    redirectUri: `${origin}/oauth/callback`,
    authorizationUrl: `http://${hostname}:${provider.port}/authorize`,
    state: 'the-state',
    issuer: `http://${hostname}:${provider.port}`,
    issRequired: false,
  });
  return { controller, login, origin, callback };
}

type Login = Awaited<ReturnType<typeof startLogin>>;

/** What a browser notes while it shows a page: complaints, and addresses that it asked for. */
function watch(page: Page) {
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => {
    // The status of the page itself, which is 4xx where that is the truth.
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => complaints.push(`dialog ${dialog.message()}`));
  page.on('request', (request) => asked.push(request.url()));
  return { complaints, asked };
}

/** What is seen on a page. */
interface Look {
  /** Luminance of the ground, from 0 (black) to 1 (white). */
  background: number;
  /** The smallest contrast of any text (WCAG 2, success criterion 1.4.3). */
  contrast: number;
  /** Pixels beyond the width of the window. */
  overflow: number;
  title: string;
  text: string;
}

/** Runs in the browser, whose types are not those of these tests: a text. */
const LOOK = `(() => {
  const parse = (colour) => (colour.match(/[0-9.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [red, green, blue] = parse(colour).map((part) => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const backgroundOf = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return parse(backgroundColor)[3] === 0 ? backgroundOf(element.parentElement) : backgroundColor;
  };
  const contrasts = [...document.querySelectorAll('h1, p, code, footer')].map((element) => {
    const colours = [getComputedStyle(element).color, backgroundOf(element)];
    const [dark, light] = colours.map(luminance).sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  });
  return {
    background: luminance(backgroundOf(document.body)),
    contrast: Math.min(...contrasts),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    title: document.title,
    text: document.body.innerText,
  };
})()`;

describe.skipIf(!hasChromium)('in a real browser', () => {
  const cases: [string, RegExp, (login: Login, page: Page) => Promise<unknown>][] = [
    [
      'success',
      /Logged in to github/,
      async ({ login, origin }, page) => {
        const shown = page.goto(`${origin}${login.authorizePath}`);
        await login.response;
        login.finish();
        await shown;
      },
    ],
    [
      'failure',
      /refused the <script>alert\(1\)<\/script> code[\s\S]*TOKEN_REQUEST_FAILED/,
      async ({ login, origin }, page) => {
        const shown = page.goto(`${origin}${login.authorizePath}`);
        await login.response;
        login.finish(FAILURE);
        await shown;
      },
    ],
    [
      'used',
      /used already/,
      async ({ login, callback }, page) => {
        login.submit(callback);
        await page.goto(callback);
      },
    ],
    ['unknown', /belongs to no login/, ({ callback }, page) => page.goto(`${callback}x`)],
    ['no-login', /No login/, ({ origin }, page) => page.goto(`${origin}/oauth/authorize`)],
    ['no-result', /no result/, ({ origin }, page) => page.goto(`${origin}/oauth/success?flow=x`)],
  ];

  test.each(cases)('the page "%s"', async (_, text, show) => {
    const browser = await startChromium();
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1100, 360]) {
        const flow = await startLogin();
        const viewport = { width, height: 700 };
        const page = await browser.newPage({ colorScheme, viewport });
        const { complaints, asked } = watch(page);
        await show(flow, page);
        const seen = await page.evaluate<Look>(LOOK);
        expect(seen.text).toMatch(text);
        expect(seen.title).toMatch(/ · mcp-master$/);
        expect(seen.background).toSatisfy((shade: number) =>
          colorScheme === 'light' ? shade > 0.7 : shade < 0.05,
        );
        expect(seen.contrast).toBeGreaterThanOrEqual(4.5);
        expect(seen.overflow).toBe(0);
        expect(complaints).toEqual([]);
        expect(
          asked.filter((url) => !/^http:\/\/127\.0\.0\.1:\d+\/(oauth\/|authorize$)/.test(url)),
        ).toEqual([]);
        await page.close();
        flow.login.finish();
      }
    }
  });

  test('a whole login: the code leaves the address bar, and a reload still tells the end', async () => {
    const { controller, login, origin } = await startLogin();
    const page = await (await startChromium()).newPage();
    const shown = page.goto(`${origin}${login.authorizePath}`);
    expect((await login.response).get('code')).toBe('the-code');
    login.finish();
    await shown;
    await controller.settled();
    expect(page.url()).toMatch(/\/oauth\/success\?flow=[\w-]+$/);
    await page.reload();
    expect(await page.innerText('h1')).toBe('Logged in to github');
    await page.goBack();
    expect(page.url()).not.toContain('the-code');
  });
});
