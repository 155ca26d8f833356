import { describe, expect, it } from 'vitest';
import { waitFor } from '../support/bin.ts';
import { redirect } from '../support/oauth/answers.ts';
import { createAuthHome, type ProtectedPair, startPair } from '../support/oauth/auth-home.ts';
import { listen } from '../support/oauth/http-listener.ts';
import { startMisbehavingAuthorizationServer } from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';
import type { RecordingClient } from '../support/recording-client.ts';

describe('serve', () => {
  it('sends each server its own token, and never that of another', async () => {
    const home = await createAuthHome();
    const pairs = [await startPair(), await startPair()] as const;
    const [one, two] = pairs;
    await home.configure({ one: one.entry, two: two.entry });
    await Promise.all([home.logIn(['one']), home.logIn(['two'])]);
    const client = await home.serve();
    for (const [name, { server }] of [
      ['one', one],
      ['two', two],
    ] as const) {
      expect(await whoami(client, name)).toMatchObject({ audience: server.url.href });
    }
    for (const { provider, server } of pairs) {
      const tokens = tokensOf({ server });
      expect(tokens).toHaveLength(1);
      for (const token of tokens) expect(await provider.check(token)).toBeDefined();
    }
    expect(tokensOf(one)).not.toEqual(tokensOf(two));
  });

  it('takes no token to another origin that a server redirects to', async () => {
    const home = await createAuthHome();
    const server = await untilTestEnds(startMisbehavingAuthorizationServer());
    const seen: unknown[] = [];
    const other = await untilTestEnds(
      listen(({ url, headers }, response) => {
        seen.push([url, headers.authorization]);
        response.writeHead(404).end();
      }),
    );
    await home.configure({ api: { url: server.url.href, auth_strategy: 'delegate_oauth' } });
    expect((await home.logIn(['api'])).code).toBe(0);
    const asked: unknown[] = [];
    server.script({
      mcp: ({ headers }) => {
        asked.push(headers.authorization);
        return redirect(`${other.origin}/mcp`, 307);
      },
    });
    const { value } = await home.json(['list']);
    expect(value).toMatchObject([
      { state: 'error', error: { message: expect.stringContaining(other.origin) } },
    ]);
    expect(asked).toContainEqual(expect.stringMatching(/^Bearer access-/));
    expect(seen).toEqual([]);
  });

  it('renews a token that has expired when it is needed, once for all calls', async () => {
    const home = await createAuthHome();
    const pair = await startPair({ accessTokenSeconds: 4 });
    await home.configure({ api: pair.entry });
    await home.logIn(['api']);
    const client = await home.serve();
    await whoami(client, 'api');
    const [status] = (await home.json(['auth', 'status'])).value;
    const end = Date.parse(String(status?.['expires_at']));
    await waitFor(() => Date.now() > end, { what: 'the end of the token' });
    const before = pair.provider.seen.grants('refresh_token').length;
    const answers = await Promise.all(Array.from({ length: 5 }, () => whoami(client, 'api')));
    expect(new Set(answers.map(({ subject }) => subject))).toEqual(new Set(['alice']));
    const after = pair.provider.seen.grants('refresh_token');
    expect(after.length - before).toBe(1);
    expect(after.at(-1)).toMatchObject({ status: 200 });
    expect(pair.provider.seen.reused).toEqual([]);
    expect(pair.server.requests.filter(({ refused }) => refused === 401)).toHaveLength(1);
    expect((await home.json(['list'])).value).toMatchObject([{ state: 'ready' }]);
  });

  it('sees a login and a logout of another process, without a restart', async () => {
    const home = await createAuthHome();
    const [api, other] = [await startPair(), await startPair()];
    await home.configure({ api: api.entry, other: other.entry });
    await home.logIn(['other']);
    const client = await home.serve();
    const own = ['mcp-master__login', 'mcp-master__status'];
    const others = ['other__echo', 'other__erase', 'other__whoami'];
    expect(await toolNames(client)).toEqual([...own, ...others]);
    const early = await client.request('tools/call', { name: 'api__whoami', arguments: {} });
    expect(JSON.stringify(early)).toContain('mcp-master auth login --server=api');

    await home.logIn(['api']);
    await client.waitForNotification('notifications/tools/list_changed');
    await waitFor(async () => (await toolNames(client)).includes('api__whoami'), {
      what: 'the tools of the server',
    });
    expect(await whoami(client, 'api')).toMatchObject({ audience: api.server.url.href });
    expect(await whoami(client, 'other')).toMatchObject({ audience: other.server.url.href });

    await home.run(['auth', 'logout', '--server=api']);
    const call = () => client.request('tools/call', { name: 'api__whoami', arguments: {} });
    const isRefused = async () => {
      const { result } = await call();
      return result?.['isError'] === true && result;
    };
    const refused = await waitFor(isRefused, { what: 'the end of the login' });
    expect(JSON.stringify(refused)).toContain('mcp-master auth login --server=api');
    expect(await whoami(client, 'other')).toMatchObject({ audience: other.server.url.href });
  });
});

async function toolNames(client: RecordingClient): Promise<string[]> {
  return (await client.listTools()).map(({ name }) => String(name)).sort();
}

async function whoami(client: RecordingClient, server: string): Promise<Record<string, unknown>> {
  const result = await client.callTool(`${server}__whoami`);
  expect(result).toMatchObject({ content: [{ type: 'text' }] });
  // The tool of the protected server says so.
  const [{ text }] = result['content'] as [{ text: string }];
  return JSON.parse(text);
}

function tokensOf({ server }: Pick<ProtectedPair, 'server'>): string[] {
  return server.authorizations().map((value) => value.replace(/^Bearer /, ''));
}
