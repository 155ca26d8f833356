import type { McpMasterError } from '../../errors.ts';
import type { Page } from './pages.ts';

/** The login is done and saved. */
export function loggedInPage(server: string): Page {
  return {
    status: 200,
    tone: 'success',
    title: `Logged in to ${server}`,
    text: 'The login is saved.',
    next: 'You can close this tab.',
  };
}

/** The login failed: what the error says, with its hint as the next step. */
export function failedPage(server: string, error: McpMasterError): Page {
  return {
    status: 400,
    tone: 'error',
    title: `Login to ${server} failed`,
    text: error.message,
    next: error.hint ?? 'See the log of mcp-master for the reason.',
    code: error.code,
  };
}

/** The provider has answered, but what follows takes long. */
export function unfinishedPage(server: string): Page {
  return {
    status: 202,
    tone: 'neutral',
    title: `The login to ${server} is not finished yet`,
    text: 'The browser has done its part, and mcp-master is still waiting for the server.',
    next: 'Look in the terminal where you started it, or run `mcp-master auth status`.',
  };
}

/** An answer of a provider that no login waits for. Shows nothing of it. */
export const UNKNOWN_ANSWER: Page = {
  status: 400,
  tone: 'neutral',
  title: 'This link belongs to no login',
  text: 'It is not complete, or the login that it belonged to is over.',
  next: 'Start the login again: `mcp-master auth login --server=NAME`.',
};

/** The answer of a provider came again. */
export const USED_ANSWER: Page = {
  status: 400,
  tone: 'neutral',
  title: 'This link has been used already',
  text: 'Each link of a login works once, and this one has done its work.',
  next: 'See how the login ended with `mcp-master auth status`.',
};

/** The way to a provider without the nonce of a login. */
export const NO_SUCH_LOGIN: Page = {
  status: 404,
  tone: 'neutral',
  title: 'No login is waiting here',
  text: 'A login starts in mcp-master, not with this link alone.',
  next: 'Run `mcp-master auth login --server=NAME` in a terminal.',
};

/** A result page without the id of a login. */
export const NO_RESULT: Page = {
  status: 404,
  tone: 'neutral',
  title: 'There is no result to show',
  text: 'This page shows how a login ended, and this link names none.',
  next: 'See where your logins stand with `mcp-master auth status`.',
};

/** Any other address. */
export const NOT_FOUND: Page = {
  status: 404,
  tone: 'neutral',
  title: 'There is nothing here',
  text: 'mcp-master shows pages only while a login is under way.',
  next: 'See where your logins stand with `mcp-master auth status`.',
};
