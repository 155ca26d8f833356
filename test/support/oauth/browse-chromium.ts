import { startChromium } from '../chromium.ts';
import type { BrowseOptions, Page } from './browse.ts';

/** Name and consent are two forms; more are a loop. */
const MOST_FORMS = 5;

/** As `browse`, with a real browser: fills in the forms and returns the page at which there are no more. */
export async function browseWithChromium(
  url: string | URL,
  { user = 'alice', deny = false }: Pick<BrowseOptions, 'user' | 'deny'> = {},
): Promise<Page> {
  const browser = await startChromium();
  const page = await browser.newPage();
  let status = 0;
  page.on('response', (response) => {
    if (response.request().isNavigationRequest()) status = response.status();
  });
  await page.goto(String(url));
  for (let forms = 0; forms < MOST_FORMS; forms += 1) {
    if ((await page.locator('form').count()) === 0) {
      const text = await page.locator('body').innerText();
      return { status, url: new URL(page.url()), text };
    }
    for (const input of await page.locator('form input').all()) await input.fill(user);
    const no = page.locator('form button[value=deny]');
    const pressed = deny && (await no.count()) > 0 ? no : page.locator('form button').first();
    await Promise.all([page.waitForEvent('framenavigated'), pressed.click()]);
    await page.waitForLoadState();
  }
  throw new Error(`${url} led through more than ${MOST_FORMS} forms`);
}
