import { describe, expect, it } from 'vitest';
import { changed, respond } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import {
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const COMMAND = 'mcp-master auth login --server=api';

/** Calls are never allowed, whatever the token. */
const mcp: NonNullable<Script['mcp']> = ({ headers, params }) => {
  if (headers.authorization === undefined || params['method'] !== 'tools/call') return undefined;
  const challenge = 'Bearer error="insufficient_scope", scope="mcp:write"';
  return respond(403, '', { 'www-authenticate': challenge });
};

/** A server with this script, a person who has logged in to it, and a `serve` that runs on. */
async function start(script: Script) {
  const home = await createAuthHome();
  const server = await untilTestEnds(startMisbehavingAuthorizationServer({ ...script, mcp }));
  await home.configure({ api: { url: server.url.href } });
  expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
  const client = await home.serve();
  await client.listTools();
  return {
    home,
    logIn: () => home.logIn(['api']),
    /** What a person reads who has called a tool. */
    async call(): Promise<string> {
      const params = { name: 'api__whoami', arguments: {} };
      const { error, result } = await client.request('tools/call', params);
      // As long as another login may be of use, the answer is where it can be made.
      if (result !== undefined) {
        expect(result).toMatchObject({ isError: true });
        return JSON.stringify(result['content']);
      }
      expect(error).toMatchObject({ code: -32000, data: { code: 'INSUFFICIENT_SCOPE' } });
      return String(error?.message);
    },
    /** The scopes that each login has asked for. */
    asked: () =>
      server.seen.all
        .filter(({ endpoint }) => endpoint === 'authorize')
        .map(({ params }) => String(params['scope']).split(' ').sort().join(' ')),
  };
}

describe('a server that demands a wider scope for ever', () => {
  it('gets no other login from somebody whose login has the scope', async () => {
    const { home, call, logIn, asked } = await start({});
    expect(await call()).toContain(COMMAND);
    const state = async () => (await home.json(['auth', 'status'])).value;
    expect(await state()).toMatchObject([{ state: 'login_required', next: COMMAND }]);
    await logIn();
    for (let calls = 0; calls < 5; calls += 1) {
      const told = await call();
      expect(told).toContain('another login is of no use, since this one has the scopes');
      expect(told).not.toContain(COMMAND);
    }
    expect(asked()).toEqual(['mcp:read', 'mcp:read mcp:write']);
    expect(await state()).toMatchObject([{ state: 'logged_in', next: null }]);
  });

  it('gets three more logins of somebody who is never granted it, and told to stop then', async () => {
    const { call, logIn, asked } = await start({
      token: (_, right) => changed(right(), { scope: 'mcp:read' }),
    });
    for (let logins = 0; logins < 3; logins += 1) {
      expect(await call()).toContain(COMMAND);
      await logIn();
    }
    const told = await call();
    expect(told).toContain('another login is of no use, since the last ones asked for them');
    expect(told).not.toContain(COMMAND);
    expect(asked().slice(1)).toEqual(Array(3).fill('mcp:read mcp:write'));
  });
});
