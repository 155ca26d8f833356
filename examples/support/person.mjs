/** Stands in for a person with a browser. */

const MOST_STEPS = 20;

/**
 * Opens an address and follows where it leads, with cookies, to the last page. The authorization
 * server of the examples asks nothing, so that this is all there is to do.
 * @returns {Promise<string>} the title of the last page
 */
export async function followLogin(address) {
  const cookies = new Map();
  let url = new URL(address);
  for (let step = 0; step < MOST_STEPS; step++) {
    const cookie = [...(cookies.get(url.origin) ?? [])].map((pair) => pair.join('=')).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    keep(cookies, url.origin, response);
    const location = response.headers.get('location');
    if (location === null) return titleOf(await response.text());
    await response.body?.cancel();
    url = new URL(location, url);
  }
  throw new Error(`${address} led through more than ${MOST_STEPS} pages`);
}

function keep(cookies, origin, response) {
  const own = cookies.get(origin) ?? new Map();
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (name !== undefined) own.set(name, value);
  }
  cookies.set(origin, own);
}

function titleOf(html) {
  return /<title>(.*?)<\/title>/s.exec(html)?.[1] ?? html.slice(0, 200);
}
