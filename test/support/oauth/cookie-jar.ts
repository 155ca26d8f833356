interface Cookie {
  name: string;
  value: string;
  host: string;
  path: string;
}

/** Cookies as a browser keeps them for one session (RFC 6265 §5): by host, path and name. */
export class CookieJar {
  #cookies: Cookie[] = [];

  /** The Cookie header for a URL; undefined when there is none to send. */
  header(url: URL): string | undefined {
    const sent = this.#cookies.filter(({ host, path }) => host === url.host && covers(path, url));
    if (sent.length === 0) return undefined;
    return sent.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  /** Takes in what a response from a URL sets or deletes. */
  take(url: URL, response: Response): void {
    for (const line of response.headers.getSetCookie()) this.#set(url, line);
  }

  #set(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    const [name = '', ...value] = pair.split('=');
    const of = (key: string) => attributes.find((one) => one.toLowerCase().startsWith(`${key}=`));
    const path = of('path')?.slice('path='.length) ?? '/';
    const same = (one: Cookie) => one.host === url.host && one.path === path && one.name === name;
    this.#cookies = this.#cookies.filter((one) => !same(one));
    const expires = Date.parse(of('expires')?.slice('expires='.length) ?? '');
    if (expires <= Date.now()) return;
    this.#cookies.push({ name, value: value.join('='), host: url.host, path });
  }
}

/** RFC 6265 §5.1.4 */
function covers(path: string, { pathname }: URL): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
}
