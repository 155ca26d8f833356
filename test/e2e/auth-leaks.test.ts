import { expect, it } from 'vitest';
import { type Answer, changed, respond } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import { browse } from '../support/oauth/browse.ts';
import {
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { startBin } from '../support/oauth/running-bin.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const DEBUG = '--log-level=debug';

/** Everything secret that an authorization server gives out or is shown, by its kind. */
class SecretBook {
  readonly kinds: Record<string, Set<string>> = {};

  add(kind: string, value: unknown): void {
    this.kinds[kind] ??= new Set();
    if (typeof value === 'string') this.kinds[kind].add(value);
  }

  get all(): string[] {
    return Object.values(this.kinds).flatMap((values) => [...values]);
  }

  /** Answers as a good server, and writes down what is secret in it. */
  readonly script: Script = {
    metadata: (_request, right) =>
      changed(right(), { token_endpoint_auth_methods_supported: ['client_secret_basic'] }),
    register: (_request, right) => this.#noted(right(), { client_secret: 'client secret' }),
    authorize: (_request, right) => {
      const answer = right();
      const { searchParams } = new URL(answer.headers['location'] ?? '');
      this.add('code', searchParams.get('code'));
      return answer;
    },
    token: ({ params }, right) => {
      this.add('verifier', params['code_verifier']);
      return this.#noted(right(), { access_token: 'access', refresh_token: 'refresh' });
    },
  };

  #noted(answer: Answer, members: Record<string, string>): Answer {
    const body: unknown = JSON.parse(answer.body);
    for (const [name, value] of Object.entries(body as object)) {
      if (members[name] !== undefined) this.add(members[name], value);
    }
    return answer;
  }
}

it('no token, code, verifier or client secret is in a file, in a log or on stdout', async () => {
  const home = await createAuthHome();
  const book = new SecretBook();
  const options = { accessTokenSeconds: 2 };
  const server = await untilTestEnds(startMisbehavingAuthorizationServer(book.script, options));
  await home.configure({ api: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
  const said: string[] = [];

  const first = await home.logIn(['api', DEBUG]);
  const login = startBin(['auth', 'login', '--server=api', '--force', '--no-browser', DEBUG], {
    home: home.path,
    env: home.env,
  });
  const visit = await browse(await login.address());
  said.push(first.stdout, first.stderr, first.visit.text, visit.text);
  const client = await home.serve({ args: [DEBUG] });
  for (const { stdout, stderr, code } of [
    await login.ended,
    await home.run(['call', 'api', 'echo', '{"text":"hello"}', DEBUG]),
    await home.run(['list', DEBUG]),
    await home.run(['auth', 'status', '--json', DEBUG]),
  ]) {
    expect(code).toBe(0);
    said.push(stdout, stderr);
  }
  await client.callTool('api__echo', { text: 'hello' });
  // A server that repeats what it was sent, in words that are shown.
  server.script({
    ...book.script,
    token: ({ params }) => {
      book.add('verifier', params['code_verifier']);
      book.add('code', params['code']);
      const error_description = `no: ${params['code']} ${params['code_verifier']}`;
      return respond(400, { error: 'invalid_grant', error_description });
    },
  });
  const failed = await home.logIn(['api', '--force', DEBUG]);
  expect(failed.last).toMatchObject({ code: 'TOKEN_REQUEST_FAILED' });
  said.push(failed.stdout, failed.stderr, failed.visit.text);
  server.script(book.script);
  const files = [...(await home.files()).values()];
  const logout = await home.run(['auth', 'logout', '--all', DEBUG]);
  said.push(logout.stdout, logout.stderr, client.stderr, ...client.rawLines);
  files.push(...(await home.files()).values());

  expect(Object.keys(book.kinds).sort()).toEqual([
    ...['access', 'client secret', 'code', 'refresh', 'verifier'],
  ]);
  for (const [kind, values] of Object.entries(book.kinds)) {
    expect(values.size, kind).toBeGreaterThanOrEqual(2);
  }
  expect(files.length).toBeGreaterThan(5);
  expect(said.join()).toContain('debug');
  for (const secret of book.all) {
    const encoded = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
    for (const text of [...files, ...said]) {
      for (const form of encoded) expect(text.includes(form), text).toBe(false);
    }
  }
});
