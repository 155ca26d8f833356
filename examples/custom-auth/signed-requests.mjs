import { createHmac } from 'node:crypto';

/**
 * A strategy of one's own: each request carries the time and an HMAC of it.
 * @implements {import('mcp-master').AuthStrategy}
 */
export class SignedRequests {
  #key;

  /** @param {string} key what is shared with the server */
  constructor(key) {
    this.#key = key;
  }

  headers() {
    const time = String(Date.now());
    return { 'X-Signature': `t=${time}, v1=${signature(this.#key, time)}` };
  }
}

/** The signature of a time, in hexadecimal digits. */
export function signature(key, time) {
  return createHmac('sha256', key).update(time).digest('hex');
}
