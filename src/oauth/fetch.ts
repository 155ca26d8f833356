/** The part of `fetch` that the login needs; rejects as `fetch` does, with the reason as `cause`. */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;
