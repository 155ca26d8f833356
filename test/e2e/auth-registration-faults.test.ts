import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changed, cutShort, redirect, reset, respond } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import { expectFailure, type Failure, FaultStages } from '../support/oauth/fault-stage.ts';
import {
  type Override,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

let stages: FaultStages;
beforeAll(async () => {
  stages = await FaultStages.create();
});
afterAll(() => stages.close());

/** The hint of those that a person can only get around: where to register, and what to write. */
const BY_HAND =
  /^Register an application with the redirect URI http:\/\/127\.0\.0\.1:\d+\/oauth\/callback at http:\/\/127\.0\.0\.1:\d+, then write .*client_id/;
const LATER = /try again later/;

function refused(message: RegExp, hint: RegExp): Failure {
  return { code: 'REGISTRATION_FAILED', message, hint };
}

/** A refusal as RFC 7591 §3.2.2 has it. */
function refuse(status: number, error: string, description?: string): Override {
  return () => respond(status, { error, error_description: description });
}

/** The right client with other members. */
function registered(members: Record<string, unknown>): Override {
  return (_, right) => changed(right(), members);
}

describe('a registration that fails', () => {
  it.concurrent.each<[string, Override, Failure]>([
    [
      'is refused, in words of its own',
      refuse(400, 'invalid_client_metadata', 'no <b>native</b>\napplications here'),
      refused(/answered 400 .*: invalid_client_metadata: no <b>native<\/b> applications/, BY_HAND),
    ],
    [
      'wants another redirect URI',
      refuse(400, 'invalid_redirect_uri'),
      refused(/invalid_redirect_uri/, /Set `redirect_uri` to one that it accepts/),
    ],
    ['wants a token', () => respond(401, ''), refused(/answered 401/, BY_HAND)],
    ['is forbidden', refuse(403, 'access_denied'), refused(/answered 403/, BY_HAND)],
    ['is not there', () => respond(404, 'Not found'), refused(/answered 404/, BY_HAND)],
    [
      'comes too often, for so long',
      () => respond(429, '', { 'retry-after': '17' }),
      refused(/answered 429/, /try again in 17 seconds/),
    ],
    ['comes too often', () => respond(429, ''), refused(/answered 429/, LATER)],
    ['is an error of the server', () => respond(500, 'oops'), refused(/answered 500/, LATER)],
    [
      'is HTML',
      () => respond(201, '<h1>Welcome</h1>'),
      refused(/answered 201 .*: text\/html instead of a JSON object/, BY_HAND),
    ],
    [
      'is empty',
      () => respond(201, ''),
      refused(/an empty body instead of a JSON object/, BY_HAND),
    ],
    [
      'brings no client',
      registered({ client_id: undefined }),
      refused(/there is no client_id in it/, BY_HAND),
    ],
    ['brings a null', registered({ client_id: null }), refused(/no client_id/, BY_HAND)],
    [
      'is for other redirect URIs',
      registered({ redirect_uris: ['https://evil.example/callback'] }),
      refused(/its redirect_uris lack http:\/\/127\.0\.0\.1:\d+\/oauth\/callback/, BY_HAND),
    ],
    [
      'is for a method that is not ours',
      registered({ token_endpoint_auth_method: 'tls_client_auth', client_secret: 'abc' }),
      refused(/tls_client_auth, which is not supported/, BY_HAND),
    ],
    [
      'leads elsewhere',
      () => redirect('https://evil.example/register', 307),
      refused(/a redirect to https:\/\/evil\.example, which is not followed/, BY_HAND),
    ],
    ['is cut', (_, right) => cutShort(right()), refused(/was cut/, /network, VPN and proxy/)],
    ['is reset', reset, refused(/client registration to .* failed/, /network, VPN and proxy/)],
  ])('%s', async (_, register, failure) => {
    expectFailure(await stages.provoke({ register }), failure);
  });

  it('is not to be had at all, and the hint says what to do by hand', async () => {
    const metadata: Override = (_, right) => changed(right(), { registration_endpoint: undefined });
    const failure = { code: 'CLIENT_ID_REQUIRED', message: /does not register clients/ };
    expectFailure(await stages.provoke({ metadata }), { ...failure, hint: BY_HAND });
  });

  it('changes neither login, and a new one works', async () => {
    await stages.expectIntact();
    const end = await stages.use(({ home }) => home.logIn(['faulty', '--force']));
    expect(end).toMatchObject({ code: 0, last: { event: 'logged_in', tools: 3 } });
  });
});

it('takes what real servers answer instead of the standard', async () => {
  const secret = { client_secret: 's3cret-of-a-client', client_secret_expires_at: undefined };
  const answers: Record<string, Override> = {
    'status-200': (_, right) => ({ ...right(), status: 200 }),
    'no-expiry': (_, right) => changed(right(), { client_secret_expires_at: undefined }),
    nulls: (_, right) => changed(right(), { client_secret: null, client_uri: null, scope: null }),
    'little-more-than-an-id': (_, right) => {
      const { client_id } = JSON.parse(right().body);
      return respond(201, { client_id });
    },
    'unused-secret': (_, right) => changed(right(), secret),
  };
  const home = await createAuthHome();
  const servers = Object.entries(answers).map(async ([name, register]) => {
    const server = await untilTestEnds(startMisbehavingAuthorizationServer({ register }));
    return [name, { url: server.url.href, auth_strategy: 'delegate_oauth' }] as const;
  });
  await home.configure(Object.fromEntries(await Promise.all(servers)));
  const names = Object.keys(answers);
  const ends = await Promise.all(names.map((name) => home.logIn([name])));
  for (const [index, name] of names.entries()) {
    const last = { event: 'logged_in', server: name, tools: 3 };
    expect(ends[index]).toMatchObject({ code: 0, last });
  }
  const status = await home.json(['auth', 'status']);
  expect(status.code).toBe(0);
  expect(status.value.map(({ state }) => state)).toEqual(names.map(() => 'logged_in'));
});
