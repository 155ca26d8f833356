import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { type Answer, respond } from '../support/oauth/answers.ts';
import { createAuthHome, startBackend } from '../support/oauth/auth-home.ts';
import {
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { startScreenBrowser } from '../support/oauth/sign-in-browser.ts';
import { agreeing, OPENS_URLS, startClient, textOf } from '../support/oauth/sign-in-client.ts';
import { type SignInOptions, signInStage } from '../support/oauth/sign-in-stage.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const LISTS = ['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'];

/** Anybody may list what there is. */
const OPEN_LISTS: SignInOptions = {};

describe('nobody is asked to log in', () => {
  it.each<[string, SignInOptions]>([
    ['guards everything', { protection: {} }],
    ['needs a login by its configuration', { entry: { auth_strategy: 'delegate_oauth' } }],
    ['guards its calls', OPEN_LISTS],
  ])('by the start, a list or a look, at a server that %s', async (_, options) => {
    const stage = await signInStage(options);
    const { respond: answer, params } = agreeing();
    const client = await stage.start({ capabilities: OPENS_URLS, respond: answer });
    for (const method of [...LISTS, ...LISTS]) await client.result(method);
    await client.result('ping');
    await client.result('logging/setLevel', { level: 'debug' });
    // Where nobody knows of a login yet, there is no such tool.
    const names = (await client.listTools()).map(({ name }) => name);
    const hasStatus = names.includes('mcp-master__status');
    expect(hasStatus).toBe(options !== OPEN_LISTS);
    if (hasStatus) await client.callTool('mcp-master__status');
    expect(await client.close()).toMatchObject({ code: 0 });
    expect(params).toEqual([]);
    expect(stage.browser.opened()).toEqual([]);
    for (const endpoint of ['register', 'authorize', 'token'] as const) {
      expect(stage.provider.seen.at(endpoint)).toEqual([]);
    }
  });

  it('by a renewal that the provider refuses, until a call needs the token', async () => {
    const stage = await signInStage({ protection: {} });
    await stage.home.logIn(['api']);
    const { respond: answer, params } = agreeing();
    const client = await stage.start({ capabilities: OPENS_URLS, respond: answer });
    await client.listTools();
    await stage.endLogins();
    // A list that has changed is fetched anew, with a token that is refused.
    await stage.server.announce();
    await waitFor(
      () => stage.provider.seen.grants('refresh_token').some(({ status }) => status === 400),
      { what: 'a renewal that is refused', deadline: 30_000 },
    );
    for (const method of LISTS) await client.result(method);
    expect(params).toEqual([]);
    expect(stage.authorizations()).toBe(1);
    expect(textOf(await client.callTool('api__echo', { text: 'hello' }))).toBe('hello');
    expect(params).toHaveLength(1);
    expect(stage.browser.opened()).toEqual([]);
  });

  it('by a call to another server', async () => {
    const stage = await signInStage({ protection: {} });
    const open = await startBackend('open');
    await stage.home.configure({ api: { url: stage.entry.url }, open: open.entry });
    const client = await stage.start();
    await client.listTools();
    expect(textOf(await client.callTool('open__echo', { message: 'hello' }))).toBe('hello');
    expect(stage.browser.opened()).toEqual([]);
  });
});

/** Everything secret that a provider gives out, or is shown by the program. */
class Secrets {
  readonly all = new Set<string>();

  /** A good server that writes down what is secret. */
  readonly script: Script = {
    authorize: (_, right) => {
      const answer = right();
      const { searchParams } = new URL(answer.headers['location'] ?? '');
      this.#add(searchParams.get('code'), searchParams.get('state'));
      return answer;
    },
    token: ({ params }, right) => {
      this.#add(params['code_verifier'], params['code']);
      return this.#noted(right());
    },
  };

  /** A server that repeats what it was sent, in words that are shown. */
  readonly talkative: Script = {
    ...this.script,
    token: ({ params }) => {
      this.#add(params['code_verifier'], params['code']);
      const error_description = `no: ${params['code']} ${params['code_verifier']}`;
      return respond(400, { error: 'invalid_grant', error_description });
    },
  };

  #noted(answer: Answer): Answer {
    const { access_token, refresh_token } = JSON.parse(answer.body);
    this.#add(access_token, refresh_token);
    return answer;
  }

  #add(...values: unknown[]): void {
    for (const value of values) if (typeof value === 'string') this.all.add(value);
  }
}

it.each(['the browser', 'the client'])(
  'no token, code, state or verifier is told or logged when %s logs in',
  async (by) => {
    const secrets = new Secrets();
    const server = await untilTestEnds(
      startMisbehavingAuthorizationServer(secrets.talkative, { protection: { guard: 'calls' } }),
    );
    const home = await createAuthHome();
    await home.configure({ api: { url: server.url.href } });
    const browser = await startScreenBrowser();
    const { respond: answer } = agreeing();
    const capabilities = by === 'the client' ? OPENS_URLS : {};
    const client = await startClient(home, {
      ...{ env: browser.env, args: ['--log-level=debug'], capabilities, respond: answer },
    });
    await client.listTools();
    expect(await client.callTool('api__echo', { text: 'hello' })).toMatchObject({ isError: true });
    server.script(secrets.script);
    const done = await home.logIn(['api']);
    expect(done).toMatchObject({ code: 0 });
    expect(textOf(await client.callTool('api__echo', { text: 'hello' }))).toBe('hello');
    expect(await home.run(['auth', 'logout', '--server=api'])).toMatchObject({ code: 0 });
    expect(textOf(await client.callTool('api__echo', { text: 'again' }))).toBe('again');
    await client.callTool('mcp-master__status');
    const files = [...(await home.files()).values()];
    await client.close();
    const said = [client.stderr, ...client.rawLines, ...files].join('\n');
    expect(client.stderr).toContain(server.origin);
    // Two logins: code, state, verifier and two tokens each, and what the first attempt had.
    expect(secrets.all.size).toBeGreaterThanOrEqual(10);
    const told = [...secrets.all].filter((secret) => said.includes(secret));
    expect(told).toEqual([]);
  },
);
