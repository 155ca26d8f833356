/**
 * A Worker that shows the pages of a login. What is to be kept from one request to the next lives
 * in a Durable Object: a promise of one request can't be settled by another one in a Worker itself.
 */
import { OAuthFlowController } from 'mcp-master';

export default {
  fetch: (request, { Logins }) => Logins.get(Logins.idFromName('all')).fetch(request),
};

export class Logins {
  #flow = new OAuthFlowController();

  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/runtime') return Response.json(await builtins());
    if (pathname !== '/begin') return this.#flow.handleRequest(request);
    const login = this.#flow.begin(await request.json());
    login.response.then(
      () => login.finish(),
      (error) => login.finish(error),
    );
    return new Response(login.authorizePath);
  }
}

/** What of Node.js is there. */
async function builtins() {
  // Not written out, or the bundler would look for it.
  const name = ['node', 'crypto'].join(':');
  const module = await import(name).then(
    () => 'object',
    () => 'undefined',
  );
  return { process: typeof process, Buffer: typeof Buffer, module };
}
