/** A login as users make it, by a grant that needs no browser. */
import { once } from 'node:events';
import http from 'node:http';
import { TOKEN } from './backends.mjs';

/** What the commands need in their environment: the store is encrypted files. */
export const LOGIN_ENVIRONMENT = {
  OAUTH_ENCRYPTION_KEY: 'ab'.repeat(32),
  BENCH_SECRET: 'bench',
};

/** Starts an authorization server on loopback that gives the one token to whoever asks; gives its address. */
export async function startAuthorizationServer() {
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ access_token: TOKEN, token_type: 'Bearer', expires_in: 86_400 }));
  });
  // It is there as long as the run, and keeps nobody from ending.
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

/** The entry of a server whose login is at that authorization server. */
export function serverWithLogin(url, issuer) {
  const client = { client_id: 'bench', client_secret: 'env:BENCH_SECRET' };
  const auth_config = {
    ...{ grant: 'client_credentials', ...client },
    ...{ issuer, token_endpoint: `${issuer}/token` },
  };
  return { url, transport: 'http', auth_strategy: 'delegate_oauth', auth_config };
}
