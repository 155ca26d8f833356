import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { onTestFinished } from 'vitest';

const PROGRAM = '/usr/bin/chromium';

/** Whether the tests with a real browser can run; if not, the reason is printed. */
export const hasChromium = existsSync(PROGRAM);
if (!hasChromium) console.warn(`left out: tests with a real browser, as there is no ${PROGRAM}`);

/** Quiet: it looks for no updates and reports nothing. */
const FLAGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** A headless Chromium with a profile of its own, ended with the test. */
export async function startChromium(): Promise<Browser> {
  // Its sandbox does not work as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({
    executablePath: PROGRAM,
    args: [...FLAGS, ...sandbox],
  });
  onTestFinished(() => browser.close());
  return browser;
}
