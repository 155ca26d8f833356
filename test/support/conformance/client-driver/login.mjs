import { spawn } from 'node:child_process';
import { readLines } from '../../lines.js';
import { BIN } from './home.mjs';

/** The command that a text tells a person to run, as its words; undefined when it names none. */
export function loginCommandIn(text) {
  const [command] = /\bmcp-master auth login --server=\S+(?: --\S+)*/.exec(text) ?? [];
  return command?.replace(/[.,;:]$/, '').split(' ');
}

/**
 * Runs that command as a person with a browser. Resolves with whether there is a new login: the browser
 * says so, or the program where it needed none.
 */
export async function logIn([, ...args], { path, env }, say) {
  const child = spawn(process.execPath, [BIN, ...args, '--no-browser', '--json'], {
    ...{ cwd: path, env, stdio: ['ignore', 'pipe', 'inherit'] },
  });
  let outcome = false;
  await readLines(child.stdout, (line) => {
    say(line);
    const { event, url } = JSON.parse(line);
    if (event === 'authorization_url') outcome = browse(url, say);
    if (event === 'logged_in') outcome = true;
  });
  return outcome;
}

/** Opens an address; whether the page at the end of all redirects is a good one. */
export async function browse(url, say) {
  const page = await fetch(url);
  say(`BROWSER: ${page.status} ${new URL(page.url).pathname}`);
  return page.ok;
}
