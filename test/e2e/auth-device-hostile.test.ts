import { describe, expect, it } from 'vitest';
import { changed, respond } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import {
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

/** Clears the screen, sets the title, and turns the direction of writing. */
const DRIVING = '\u001b[2J\u001b]0;yours\u0007\u009b1A\u202e';

/** Anything but a line of text. */
const UNSAFE = /[^\P{Cc}\n]|\p{Bidi_Control}/u;

/** A login by device code, as a person sees it and as a program does, at a server that follows a script. */
async function logIn(script: Script, settings: object = {}) {
  const provider = await untilTestEnds(startMisbehavingAuthorizationServer(script));
  const home = await createAuthHome();
  const auth = { grant: 'device_code', ...settings };
  await home.configure({ api: { url: provider.url.href, auth_config: auth } });
  const args = ['auth', 'login', '--server=api', '--no-browser', '--force'];
  const shown = await home.run(args);
  const told = await home.run([...args, '--json']);
  const events: Record<string, unknown>[] = told.stdout.trim().split('\n').map(readLine);
  expect(shown.stdout + shown.stderr).not.toMatch(UNSAFE);
  expect(told.stdout + told.stderr).not.toMatch(UNSAFE);
  expect(told.code).toBe(shown.code);
  return { ...shown, events, last: events.at(-1), provider };
}

function readLine(line: string) {
  return JSON.parse(line);
}

/** The right device code with other members. */
function device(members: (right: Record<string, unknown>) => Record<string, unknown>): Script {
  return {
    device: (_, right) => {
      const answer = right();
      return changed(answer, members(JSON.parse(String(answer.body))));
    },
  };
}

describe('a device endpoint that writes for the terminal', () => {
  it('gets its addresses shown as a browser reads them, each on one line', async () => {
    const { code, stdout, events, provider } = await logIn(
      device(({ verification_uri: uri }) => ({
        verification_uri: `${uri}?${DRIVING}\nhttps://github.com/login/device`,
        verification_uri_complete: `${uri}?c=1${DRIVING}\r\n\thttps://github.com/login`,
      })),
    );
    const driving = '%1B[2J%1B]0;yours%07%C2%9B1A%E2%80%AE';
    const url = `${provider.issuer}/device?${driving}https://github.com/login/device`;
    const complete = `${provider.issuer}/device?c=1${driving}https://github.com/login`;
    expect(code).toBe(0);
    expect(stdout.split('\n').slice(0, 3)).toEqual([url, 'WDJB-MJHT', complete]);
    expect(events[0]).toMatchObject({ event: 'device_code', url, url_complete: complete });
  });

  it.each([
    ['drives the terminal', `AB${DRIVING}CD`],
    ['has a second line', 'AB\nhttps://github.com/login/device'],
    ['is an address', 'https://github.com/login/device'],
    ['fills the screen', 'A'.repeat(500)],
  ])('is refused with a code that %s', async (_, userCode) => {
    const { code, stdout, events, provider } = await logIn(device(() => ({ user_code: userCode })));
    expect(code).toBe(4);
    expect(stdout).toBe('');
    expect(events).toEqual([
      {
        ...{ event: 'error', server: 'api', code: 'TOKEN_REQUEST_FAILED' },
        message: expect.stringContaining('user_code is "'),
        hint: expect.stringContaining('Tell whoever runs the authorization server'),
      },
    ]);
    expect(provider.seen.at('token')).toEqual([]);
  });

  it.each<[string, (text: string) => Script]>([
    ['the request', (text) => ({ device: () => refusal(text) })],
    ['the wait', (text) => ({ token: () => refusal(text) })],
  ])('gets its reason to refuse %s shown as one line of text', async (_, script) => {
    const { code, stderr, last } = await logIn(script(`no ${DRIVING}\r\nerror: call me`));
    expect(code).toBe(4);
    expect(stderr).toMatch(/access_denied: no \[2J .* error: call me \(ACCESS_DENIED\)\n/);
    expect(last).toMatchObject({ event: 'error', code: 'ACCESS_DENIED' });
  });
});

function refusal(text: string) {
  return respond(400, { error: 'access_denied', error_description: text });
}
