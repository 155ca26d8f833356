import { existsSync, readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createTempFolder, waitFor } from '../bin.ts';
import { browse, type Page } from './browse.ts';

/** What a person does with an address that the browser was opened with. */
export type AtBrowser = (url: string) => Promise<Page | undefined>;

/** A browser on the screen of this computer, and the person before it. */
export interface ScreenBrowser {
  /** For the environment of the program: without it there is no screen. */
  env: Readonly<Record<string, string>>;
  /** The addresses that it was opened with, in order. */
  opened(): string[];
  /** Waits until it was opened so many times, and resolves with the address of the last time. */
  waitForOpening(times?: number): Promise<string>;
  /** The page on which the person ended who was the first to be sent there. */
  page(): Promise<Page | undefined>;
}

const LOOK_MS = 20;

/** Nobody sits before the screen. */
export const nobody: AtBrowser = async () => undefined;

/** The person logs in, and then says no. */
export const denies: AtBrowser = (url) => browse(url, { deny: true });

/**
 * A program that `xdg-open` takes for the browser: it notes the address. The person is in this
 * process, so that a test decides when and how the login goes on. Default: somebody who agrees.
 */
export async function startScreenBrowser(person: AtBrowser = browse): Promise<ScreenBrowser> {
  const folder = await createTempFolder();
  const program = join(folder.path, 'browser');
  const record = join(folder.path, 'opened');
  await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$1" >> '${record}'\n`);
  await chmod(program, 0o755);
  const opened = () =>
    (existsSync(record) ? readFileSync(record, 'utf8').split('\n') : []).slice(0, -1);
  const pages: Promise<Page | undefined>[] = [];
  const look = () => {
    for (const url of opened().slice(pages.length)) {
      const page = person(url);
      // Who asks for the page is told of a failure.
      page.catch(() => undefined);
      pages.push(page);
    }
  };
  const timer = setInterval(look, LOOK_MS);
  onTestFinished(async () => {
    clearInterval(timer);
    await folder.remove();
  });
  const atLeast = (times: number) =>
    waitFor(() => pages.length >= times, {
      ...{ deadline: 30_000, what: `opening ${times} of the browser` },
    });
  return {
    env: { BROWSER: program },
    opened,
    waitForOpening: async (times = 1) => {
      await atLeast(times);
      return opened()[times - 1] ?? '';
    },
    page: async () => {
      await atLeast(1);
      return pages[0];
    },
  };
}
