import { CookieJar } from './cookie-jar.ts';

/** How the person behaves; all of it may be left out. */
export interface BrowseOptions {
  /** What is typed as the name; default `alice`. */
  user?: string;
  /** What is typed where a code is asked for (RFC 8628 §3.3). */
  userCode?: string;
  /** Says no when asked for consent. */
  deny?: boolean;
  /** Does not follow the redirect to the callback: its URL is the result, for pasting. */
  stopBeforeCallback?: boolean;
  /** Requests the callback twice at the same time, as some browsers do. */
  callTwice?: boolean;
  /** The session of an earlier visit, in which the person has logged in already. */
  cookies?: CookieJar;
}

/** Where the person ended. */
export interface Page {
  /** 0 when the callback was not requested. */
  status: number;
  url: URL;
  text: string;
}

/** What a visit led to. */
export interface Visit extends Page {
  /** Every URL of the way, the last one included. */
  visited: string[];
  /** With `callTwice`: what became of the second request of the callback. */
  again?: PromiseSettledResult<Page>;
}

/** Redirects and forms of a login are few; more are a loop. */
const MOST_STEPS = 20;

/**
 * The person with a browser: follows redirects with cookies, fills in the forms for name and consent, and
 * returns the page at which there is nothing left to do. Rejects when a server can't be reached.
 */
export async function browse(url: string | URL, options: BrowseOptions = {}): Promise<Visit> {
  const person = new Person(options);
  let step: Step = { url: new URL(url) };
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const last = await person.take(step);
    if ('page' in last) return last.page;
    step = last;
  }
  throw new Error(`${url} led through more than ${MOST_STEPS} pages`);
}

/** A page to open, or a form to send. */
interface Step {
  url: URL;
  form?: URLSearchParams;
}

class Person {
  readonly #options: BrowseOptions;
  readonly #cookies: CookieJar;
  readonly #visited: string[] = [];

  constructor(options: BrowseOptions) {
    this.#options = options;
    this.#cookies = options.cookies ?? new CookieJar();
  }

  async take(step: Step): Promise<Step | { page: Visit }> {
    this.#visited.push(step.url.href);
    if (isCallback(step.url)) {
      if (this.#options.stopBeforeCallback)
        return this.#end({ status: 0, url: step.url, text: '' });
      if (this.#options.callTwice) return this.#callTwice(step.url);
    }
    const response = await this.#request(step);
    const next = redirectOf(response, step.url);
    if (next !== undefined) return { url: next };
    const text = await response.text();
    const form = this.#fill(text, step.url);
    return form ?? this.#end({ status: response.status, url: step.url, text });
  }

  #request({ url, form }: Step): Promise<Response> {
    const cookie = this.#cookies.header(url);
    const headers = { accept: 'text/html', ...(cookie === undefined ? {} : { cookie }) };
    const sent = form === undefined ? {} : { method: 'POST', body: form };
    return fetch(url, { ...sent, headers, redirect: 'manual' }).then((response) => {
      this.#cookies.take(url, response);
      return response;
    });
  }

  async #callTwice(url: URL): Promise<{ page: Visit }> {
    const once = () => browse(url, { cookies: this.#cookies });
    // Not by `take`: it would call twice again.
    const [page, again] = await Promise.allSettled([once(), once()]);
    if (page.status === 'rejected') throw page.reason;
    return { page: { ...page.value, visited: this.#visited, again } };
  }

  /** The form of a page, filled in as the person likes; undefined when there is none. */
  #fill(html: string, url: URL): Step | undefined {
    const [, attributes = '', inside] = /<form\b([^>]*)>(.*?)<\/form>/is.exec(html) ?? [];
    if (inside === undefined) return undefined;
    const form = new URLSearchParams();
    for (const [, input = ''] of inside.matchAll(/<input\b([^>]*)>/gi)) {
      form.set(attribute(input, 'name') ?? '', this.#valueOf(input));
    }
    const buttons = [...inside.matchAll(/<button\b([^>]*)>/gi)].map(([, button = '']) => button);
    const pressed = buttons.find((button) => this.#likes(button)) ?? buttons[0] ?? '';
    const name = attribute(pressed, 'name');
    if (name !== undefined) form.set(name, attribute(pressed, 'value') ?? '');
    return { url: new URL(attribute(attributes, 'action') ?? '', url), form };
  }

  #valueOf(input: string): string {
    const { user = 'alice', userCode } = this.#options;
    const typed = attribute(input, 'name') === 'user_code' ? userCode : user;
    return attribute(input, 'value') ?? typed ?? '';
  }

  #likes(button: string): boolean {
    return attribute(button, 'value') === (this.#options.deny ? 'deny' : 'allow');
  }

  #end(page: Page): { page: Visit } {
    return { page: { ...page, visited: this.#visited } };
  }
}

/** The answer of an authorization request (RFC 6749 §4.1.2), wherever it is sent. */
function isCallback({ searchParams }: URL): boolean {
  return searchParams.has('code') || (searchParams.has('error') && searchParams.has('state'));
}

function redirectOf({ status, headers }: Response, from: URL): URL | undefined {
  const location = headers.get('location');
  return status >= 300 && status < 400 && location !== null ? new URL(location, from) : undefined;
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(tag)?.[1];
}
