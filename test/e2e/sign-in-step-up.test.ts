import { describe, expect, it } from 'vitest';
import { changed, respond } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import { browse } from '../support/oauth/browse.ts';
import {
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { denies, startScreenBrowser } from '../support/oauth/sign-in-browser.ts';
import {
  agreeing,
  delegationOf,
  expectIncreasing,
  identityOf,
  OPENS_URLS,
  progressOf,
  startClient,
  textOf,
} from '../support/oauth/sign-in-client.ts';
import {
  FOR_EVER,
  type SignInOptions,
  signInStage,
  whoami,
} from '../support/oauth/sign-in-stage.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

/** Somebody who has logged in to read, and a tool, `api__erase`, that needs more. */
async function readersStage(options: SignInOptions = {}) {
  const stage = await signInStage({ protection: {}, ...options });
  expect(await stage.home.logIn(['api'])).toMatchObject({ code: 0 });
  const asked = () =>
    stage.provider.seen.at('authorize').map(({ params }) => String(params['scope']).split(' '));
  return { ...stage, asked };
}

describe('a tool that needs a wider scope', () => {
  it('has the person asked for all scopes, and is then called', async () => {
    const stage = await readersStage();
    const client = await stage.start();
    expect(identityOf(await whoami(client))).toMatchObject({ scopes: ['mcp:read'] });
    const erased = await client.callTool('api__erase');
    expect(erased).toEqual({ content: [{ type: 'text', text: 'erased' }] });
    expect(stage.asked()).toHaveLength(2);
    expect(stage.asked()[0]).not.toContain('mcp:write');
    expect(stage.asked()[1]).toEqual(expect.arrayContaining(['mcp:read', 'mcp:write']));
    expect(stage.browser.opened()).toHaveLength(1);
    expect(stage.server.ran()).toEqual(['whoami', 'erase']);
    const { scopes } = identityOf(await client.callTool('api__whoami'));
    expect([scopes].flat().toSorted()).toEqual(['mcp:read', 'mcp:write']);
    expect(stage.browser.opened()).toHaveLength(1);
  });

  it('has the client asked that opens addresses', async () => {
    const stage = await readersStage();
    const { respond: answer, params } = agreeing();
    const client = await stage.start({ capabilities: OPENS_URLS, respond: answer });
    await client.listTools();
    expect(textOf(await client.callTool('api__erase'))).toBe('erased');
    expect(params).toHaveLength(1);
    expect(stage.browser.opened()).toEqual([]);
  });

  it('is answered with a delegation that names the scopes', async () => {
    const stage = await readersStage();
    const client = await stage.startHeadless();
    await client.listTools();
    const delegation = delegationOf(await client.callTool('api__erase'));
    expect(delegation['required_scopes']).toEqual(
      expect.arrayContaining(['mcp:read', 'mcp:write']),
    );
    // Until somebody opens it the old login is as good as it was.
    expect(identityOf(await client.callTool('api__whoami'))).toMatchObject({ subject: 'alice' });
    await browse(delegation.authorize_url);
    expect(textOf(await client.callTool('api__erase'))).toBe('erased');
  });

  it('needs two logins of somebody who has none, and tells of its progress through both', async () => {
    const stage = await signInStage();
    const client = await stage.start();
    await client.listTools();
    const erased = await client.callTool('api__erase', {}, { progressToken: 'erase' });
    expect(textOf(erased)).toBe('erased');
    expect(stage.browser.opened()).toHaveLength(2);
    expect(stage.authorizations()).toBe(2);
    expect(stage.server.ran()).toEqual(['erase']);
    expectIncreasing(progressOf(client, 'erase'));
  });

  it('costs nobody the login that there is who says no', async () => {
    const stage = await readersStage({ person: denies });
    const client = await stage.start();
    await client.listTools();
    const denied = await client.callTool('api__erase');
    expect(textOf(denied)).toMatch(/denied/i);
    expect(identityOf(await client.callTool('api__whoami'))).toMatchObject({
      scopes: ['mcp:read'],
    });
    delegationOf(await client.callTool('api__erase'));
    expect(stage.browser.opened()).toHaveLength(1);
    expect(stage.server.ran()).toEqual(['whoami']);
  });
});

/** Calls are never allowed, whatever the token. */
const mcp: NonNullable<Script['mcp']> = ({ headers, params }) => {
  if (headers.authorization === undefined || params['method'] !== 'tools/call') return undefined;
  const challenge = 'Bearer error="insufficient_scope", scope="mcp:write"';
  return respond(403, '', { 'www-authenticate': challenge });
};

describe('a server that demands a wider scope for ever', () => {
  it.each<[string, Script]>([
    ['although it is granted', {}],
    ['and is never granted it', { token: (_, right) => changed(right(), { scope: 'mcp:read' }) }],
  ])('%s: leads to one more login, and not to another', async (_, script) => {
    const server = await untilTestEnds(startMisbehavingAuthorizationServer({ ...script, mcp }));
    const home = await createAuthHome();
    await home.configure({ api: { url: server.url.href } }, { serve: { login_wait: FOR_EVER } });
    expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
    const browser = await startScreenBrowser();
    const client = await startClient(home, { env: browser.env });
    await client.listTools();
    for (let calls = 0; calls < 5; calls += 1) {
      const answer = await client.request('tools/call', { name: 'api__whoami', arguments: {} });
      expect(JSON.stringify(answer)).toMatch(/INSUFFICIENT_SCOPE|UNAUTHORIZED|oauth_delegation/);
    }
    expect(browser.opened()).toHaveLength(1);
    expect(server.seen.at('authorize')).toHaveLength(2);
  });
});

it('is asked for no more once a server always wants another scope than the one that was granted', async () => {
  let wanted = 0;
  const greedy: NonNullable<Script['mcp']> = ({ headers, params }) => {
    if (headers.authorization === undefined || params['method'] !== 'tools/call') return undefined;
    wanted += 1;
    const challenge = `Bearer error="insufficient_scope", scope="more:${wanted}"`;
    return respond(403, '', { 'www-authenticate': challenge });
  };
  const server = await untilTestEnds(startMisbehavingAuthorizationServer({ mcp: greedy }));
  const home = await createAuthHome();
  await home.configure({ api: { url: server.url.href } }, { serve: { login_wait: FOR_EVER } });
  expect(await home.logIn(['api'])).toMatchObject({ code: 0 });
  const browser = await startScreenBrowser();
  const client = await startClient(home, { env: browser.env });
  await client.listTools();
  for (let calls = 0; calls < 5; calls += 1) {
    await client.request('tools/call', { name: 'api__whoami', arguments: {} });
  }
  expect(browser.opened()).toHaveLength(1);
});
