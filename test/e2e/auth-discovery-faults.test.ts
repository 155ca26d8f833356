import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changed, redirect, respond, silence } from '../support/oauth/answers.ts';
import {
  createFaultStage,
  expectFailure,
  type Failure,
  type FaultStage,
  FaultStages,
  finish,
  type LoginEnd,
} from '../support/oauth/fault-stage.ts';
import {
  first,
  type Override,
  type Script,
} from '../support/oauth/misbehaving-authorization-server.ts';

let stages: FaultStages;
/** Its servers never answer: their logins are under way while the other tests run. */
let slow: { stage: FaultStage; before: Map<string, string>; ends: Promise<LoginEnd[]> };
beforeAll(async () => {
  [stages, slow] = await Promise.all([FaultStages.create(), startSlow()]);
});
afterAll(async () => {
  await Promise.all([stages.close(), slow.stage.close()]);
});

async function startSlow(): Promise<typeof slow> {
  const waiting = await createFaultStage();
  const { home, faulty, other } = waiting;
  faulty.script({ metadata: silence });
  other.script({ resourceMetadata: first(1, silence) });
  const before = await home.keptFiles();
  const logins = ['faulty', 'other'].map((name) => finish(home.startLogin([name, '--force'])));
  const ends = Promise.all(logins);
  return { stage: waiting, before, ends };
}

/** The right metadata with other members. */
function says(members: Record<string, unknown>): Override {
  return (_, right) => changed(right(), members);
}

const html: Override = () => respond(200, '<!doctype html><title>Welcome</title>');
const nothing: Override = () => respond(404, 'Not found');
const PRIVATE = 'https://10.255.255.1/metadata';
const CLOUD = 'https://169.254.169.254/latest/meta-data';
const SETTINGS = /`authorization_endpoint` and `token_endpoint`/;

/** `INSECURE_URL`, for an address that is neither https nor of this computer. */
function insecure(message: RegExp): Failure {
  return { code: 'INSECURE_URL', message, hint: /whoever runs the server/ };
}

/** `DISCOVERY_FAILED`, with what is wrong in its message. */
function undiscovered(message: RegExp, hint = SETTINGS): Failure {
  return { code: 'DISCOVERY_FAILED', message, hint };
}

const PARTS = ['metadata', 'resourceMetadata'] as const;

describe.each(PARTS)('a fault of the %s document', (part) => {
  it.concurrent.each<[string, Override, Failure]>([
    ['is HTML', html, undiscovered(/answered with HTML instead of JSON/)],
    ['is invalid JSON', () => respond(200, '{"issuer":'), undiscovered(/with invalid JSON/)],
    ['is a list', () => respond(200, []), undiscovered(/JSON that is no object/)],
    ['is empty', () => respond(200, {}), undiscovered(/has no `(issuer|resource)`/)],
    ['has 10 MB', () => respond(200, { x: 'x'.repeat(1e7) }), undiscovered(/more than 1 MiB/)],
    ['is a 500', () => respond(500, 'oops'), undiscovered(/answered 500/)],
    ['is busy', () => respond(429, ''), undiscovered(/answered 429/)],
    [
      'leads to a private network',
      () => redirect(PRIVATE),
      undiscovered(/leads to 10\.255\.255\.1, which has a private address/),
    ],
    [
      'leads to the metadata service of a cloud',
      () => redirect(CLOUD),
      undiscovered(/169\.254\.169\.254, which has a link-local address/),
    ],
    ['leads to itself', ({ url }) => redirect(url), undiscovered(/redirects more than 5 times/)],
    [
      'leads to clear text',
      () => redirect('http://example.com/metadata'),
      insecure(/without encryption/),
    ],
  ])('%s', async (_, override, failure) => {
    expectFailure(await stages.provoke({ [part]: override }), failure);
  });
});

describe('metadata that can not be used', () => {
  it.concurrent.each<[string, Script, Failure]>([
    [
      'there is none at all',
      { resourceMetadata: nothing, metadata: nothing, register: nothing },
      undiscovered(/oauth-protected-resource\/mcp answered 404; .*\/register answered 404/),
    ],
    [
      'there is none of the authorization server',
      { metadata: nothing },
      undiscovered(/oauth-authorization-server answered 404; .*openid-configuration answered 404/),
    ],
    [
      'another issuer',
      { metadata: says({ issuer: 'https://evil.example' }) },
      {
        code: 'ISSUER_MISMATCH',
        message: /names the issuer "https:\/\/evil\.example\/?", expected "http:\/\/127/,
        hint: /`issuer_check: off`/,
      },
    ],
    [
      'the resource of another server',
      { resourceMetadata: says({ resource: 'https://other.example/mcp' }) },
      {
        code: 'RESOURCE_MISMATCH',
        message: /speaks for the resource "https:\/\/other\.example\/mcp", not for http:\/\/127/,
        hint: /Check `url`/,
      },
    ],
    [
      'no PKCE',
      { metadata: says({ code_challenge_methods_supported: undefined }) },
      { code: 'PKCE_UNSUPPORTED', message: /S256/, hint: /Ask whoever runs/ },
    ],
    [
      'PKCE without S256',
      { metadata: says({ code_challenge_methods_supported: ['plain'] }) },
      { code: 'PKCE_UNSUPPORTED', message: /S256/, hint: /Ask whoever runs/ },
    ],
    [
      'no token endpoint',
      { metadata: says({ token_endpoint: undefined }) },
      undiscovered(/has no `token_endpoint`/),
    ],
    [
      'an endpoint in a private network',
      { metadata: says({ token_endpoint: 'https://169.254.169.254/token' }) },
      undiscovered(/which has a link-local address/),
    ],
    [
      'a program for the browser',
      { metadata: says({ authorization_endpoint: 'javascript:alert(1)' }) },
      insecure(/`authorization_endpoint` of/),
    ],
    [
      'a file for the browser',
      { metadata: says({ authorization_endpoint: 'file:///etc/passwd' }) },
      insecure(/`authorization_endpoint` of/),
    ],
    [
      'a token endpoint in clear text',
      { metadata: says({ token_endpoint: 'http://example.com/token' }) },
      insecure(/`token_endpoint` of .* without encryption/),
    ],
    [
      'an authorization server in clear text',
      { resourceMetadata: says({ authorization_servers: ['http://example.com'] }) },
      insecure(/without encryption/),
    ],
  ])('%s', async (_, script, failure) => {
    expectFailure(await stages.provoke(script), failure);
  });
});

it('gives up after 10 s on documents that never come', async () => {
  const [metadata, resource] = await slow.ends;
  if (metadata === undefined || resource === undefined) throw new Error('A login did not end');
  expectFailure(metadata, undiscovered(/authorization-server did not answer within 10 s/));
  expect(resource).toMatchObject({ code: 4, last: { code: 'DISCOVERY_FAILED' } });
  expect(resource.last['message']).toMatch(/protected-resource\/mcp did not answer within 10 s/);
  expect(await slow.stage.home.keptFiles()).toEqual(slow.before);
});

it('leaves both logins as they were, and a new one works', async () => {
  await stages.expectIntact();
  const end = await stages.use(({ home }) => home.logIn(['faulty', '--force']));
  expect(end).toMatchObject({ code: 0, last: { event: 'logged_in', tools: 3 } });
});
