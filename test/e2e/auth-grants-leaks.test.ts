import { expect, it } from 'vitest';
import { type Answer, changed, respond } from '../support/oauth/answers.ts';
import { createAuthHome } from '../support/oauth/auth-home.ts';
import {
  first,
  type Override,
  type Script,
  startMisbehavingAuthorizationServer,
} from '../support/oauth/misbehaving-authorization-server.ts';
import { DEVICE_GRANT } from '../support/oauth/seen-requests.ts';
import { untilTestEnds } from '../support/oauth/test-lifetime.ts';

const DEBUG = '--log-level=debug';
const SECRET = 'the-secret-of-the/robot+with signs';

it('no device code, token or client secret is shown or stored in clear, the user code is', async () => {
  const secrets = new Set([SECRET]);
  const note = (answer: Answer, ...names: string[]) => {
    const body: unknown = JSON.parse(answer.body);
    for (const name of names) {
      const value: unknown = Object(body)[name];
      if (typeof value === 'string') secrets.add(value);
    }
    return answer;
  };
  const slow: Override = ({ params }) =>
    respond(400, { error: 'slow_down', error_description: `not ${params['device_code']} yet` });
  const slowFirst = first(1, slow);
  const good: Script = {
    metadata: (_, right) =>
      changed(right(), { token_endpoint_auth_methods_supported: ['client_secret_basic'] }),
    register: (_, right) => note(right(), 'client_secret'),
    device: (_, right) => note(right(), 'device_code'),
    token: (request, right) => {
      const noted = () => note(right(), 'access_token', 'refresh_token');
      return request.params['grant_type'] === DEVICE_GRANT ? slowFirst(request, noted) : noted();
    },
  };
  const echo: Override = ({ params, headers }) => {
    const sent = [params['device_code'], atob(headers.authorization?.slice(6) ?? '')].join(' ');
    return respond(400, { error: `no ${sent}`, error_description: `${sent} is ${SECRET}` });
  };
  const known = {
    ...{ client_id: 'robot', client_secret: SECRET, redirect_uris: [] },
    token_endpoint_auth_method: 'client_secret_basic' as const,
  };
  const server = await untilTestEnds(
    startMisbehavingAuthorizationServer(good, { clients: [known], accessTokenSeconds: 2 }),
  );
  const home = await createAuthHome({ ROBOT_SECRET: SECRET });
  const url = server.url.href;
  await home.configure({
    tv: { url, auth_config: { grant: 'device_code' } },
    robot: {
      url,
      auth_config: {
        ...{ grant: 'client_credentials', client_id: 'robot', client_secret: 'env:ROBOT_SECRET' },
      },
    },
  });
  const said: string[] = [];
  const device = home.startLogin(['tv', DEBUG]);
  const ended = await device.ended;
  expect(ended.code).toBe(0);
  said.push(ended.stdout, ended.stderr);
  const client = await home.serve({ args: [DEBUG] });
  for (const name of ['tv', 'robot']) await client.callTool(`${name}__echo`, { text: 'hello' });
  for (const args of [
    ['list'],
    ['auth', 'login', '--server=robot'],
    ['auth', 'status', '--json'],
  ]) {
    const { code, stdout, stderr } = await home.run([...args, DEBUG]);
    expect(code).toBe(0);
    said.push(stdout, stderr);
  }
  // A server that repeats what it was sent, in words that are shown.
  server.script({ ...good, token: echo });
  for (const name of ['tv', 'robot']) {
    const failed = home.startLogin([name, '--force', DEBUG]);
    const { stdout, stderr } = await failed.ended;
    expect(failed.events.at(-1)).toMatchObject({ event: 'error', code: 'TOKEN_REQUEST_FAILED' });
    said.push(stdout, stderr);
  }
  const files = [...(await home.files()).values()];
  said.push(client.stderr, ...client.rawLines);

  expect(said.join()).toContain(String(device.events[0]?.['user_code']));
  expect(said.join()).toContain('debug');
  // The configured and two registered ones, two device codes, and tokens.
  expect(secrets.size).toBeGreaterThanOrEqual(8);
  for (const secret of secrets) {
    const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
    for (const text of [...files, ...said]) {
      for (const form of forms) expect(text.includes(form), text).toBe(false);
    }
  }
});
