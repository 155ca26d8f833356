import { describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { createAuthHome, startPair } from '../support/oauth/auth-home.ts';
import { browseWithChromium } from '../support/oauth/browse-chromium.ts';

describe.skipIf(!hasChromium)('auth login in a real browser', () => {
  it('leads through sign-in and consent to the page of the end, and is then good', async () => {
    const home = await createAuthHome();
    const { server, entry } = await startPair();
    await home.configure({ api: entry });
    const login = home.startLogin(['api']);
    const page = await browseWithChromium(await login.authorizationUrl(), { user: 'bob' });
    expect(await login.ended).toMatchObject({ code: 0 });
    expect(login.events.at(-1)).toMatchObject({ event: 'logged_in', tools: 3 });
    expect(page.status).toBe(200);
    expect(page.url.pathname).toBe('/oauth/success');
    expect(page.text).toContain('api');
    const { stdout } = await home.run(['call', 'api', 'whoami']);
    expect(JSON.parse(stdout)).toMatchObject({ subject: 'bob', audience: server.url.href });
  });

  it('shows what happened to a person who says no', async () => {
    const home = await createAuthHome();
    const { entry } = await startPair();
    await home.configure({ api: entry });
    const login = home.startLogin(['api']);
    const page = await browseWithChromium(await login.authorizationUrl(), { deny: true });
    expect(await login.ended).toMatchObject({ code: 4 });
    expect(login.events.at(-1)).toMatchObject({ event: 'error', code: 'ACCESS_DENIED' });
    expect(page.url.pathname).toBe('/oauth/error');
    expect(page.text).toContain('ACCESS_DENIED');
  });
});
