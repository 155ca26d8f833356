import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { McpMasterError } from '../../../../src/errors.ts';
import { attemptFor, flow, ISSUER, location, now, ORIGIN, STATE } from '../flow-support.ts';

const MINUTE = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('an address that was pasted', () => {
  it.each([
    ['as it is', `${ORIGIN}/oauth/callback?code=abc&state=${STATE}`],
    ['without its scheme', `127.0.0.1:4711/oauth/callback?code=abc&state=${STATE}`],
    ['by another name', `localhost:4711/oauth/callback?code=abc&state=${STATE}`],
    ['broken by a terminal', ` ${ORIGIN}/oauth/call\n  back?code=a\r\nbc&state=${STATE}\n`],
  ])('is taken: %s', async (_, address) => {
    const { login } = flow();
    login.submit(address);
    expect((await login.response).get('code')).toBe('abc');
  });

  it.each([
    ['no address', 'what?'],
    ['nothing', ''],
    ['a foreign state', `${ORIGIN}/oauth/callback?code=SECRET&state=other`],
    ['no state', `${ORIGIN}/oauth/callback?code=SECRET`],
    ['two states', `${ORIGIN}/oauth/callback?code=SECRET&state=${STATE}&state=${STATE}`],
    ['another path', `${ORIGIN}/callback?code=SECRET&state=${STATE}`],
    ['another port', `http://127.0.0.1:1/oauth/callback?code=SECRET&state=${STATE}`],
    ['another host', `http://a.example:4711/oauth/callback?code=SECRET&state=${STATE}`],
  ])('is refused, and the login goes on: %s', async (_, address) => {
    const { login } = flow();
    let error: unknown;
    try {
      login.submit(address);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({
      code: 'STATE_MISMATCH',
      message: 'that address does not belong to this login to github',
      hint: expect.stringContaining(`beginning with ${ORIGIN}/oauth/callback`),
    });
    expect(await now(login.response)).toBe('pending');
    login.submit(`${ORIGIN}/oauth/callback?code=abc&state=${STATE}`);
    expect((await login.response).get('code')).toBe('abc');
  });

  it('is checked like a callback', async () => {
    const { login } = flow();
    login.submit(`${ORIGIN}/oauth/callback?error=access_denied&state=${STATE}`);
    await expect(login.response).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  it('races the callback: the first one counts', async () => {
    const { login, callback } = flow();
    const answer = callback(`code=first&state=${STATE}`);
    expect(() => login.submit(`${ORIGIN}/oauth/callback?code=b&state=${STATE}`)).toThrow(
      'waits no more',
    );
    expect((await login.response).get('code')).toBe('first');
    login.finish();
    await answer;

    const other = flow();
    other.login.submit(`${ORIGIN}/oauth/callback?code=first&state=${STATE}`);
    expect((await other.callback(`code=b&state=${STATE}`)).status).toBe(400);
  });
});

describe('the end', () => {
  it('comes after ten minutes', async () => {
    const { login, get, callback } = flow();
    await vi.advanceTimersByTimeAsync(10 * MINUTE - 1);
    expect(await now(login.response)).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(await now(login.response)).toMatchObject({
      code: 'LOGIN_TIMEOUT',
      hint: expect.stringContaining('`mcp-master auth login --server=github`'),
    });
    for (const late of [await callback(`code=a&state=${STATE}`), await get(login.authorizePath)]) {
      expect(late.status).toBe(303);
      expect(await (await get(location(late))).text()).toContain('LOGIN_TIMEOUT');
    }
  });

  it('comes by the clock where the timers stood still', async () => {
    let clock = 0;
    const { login, callback } = flow({}, { now: () => clock });
    clock = 10 * MINUTE;
    expect(location(await callback(`code=a&state=${STATE}`))).toContain('/oauth/error');
    await expect(login.response).rejects.toMatchObject({ code: 'LOGIN_TIMEOUT' });
    const pasted = flow({}, { now: () => clock });
    clock = 20 * MINUTE;
    expect(() => pasted.login.submit(`${ORIGIN}/oauth/callback?code=a&state=${STATE}`)).toThrow(
      'waits no more',
    );
  });

  it('does not come while a code is exchanged', async () => {
    const { login, get } = flow();
    login.submit(`${ORIGIN}/oauth/callback?code=a&state=${STATE}`);
    await vi.advanceTimersByTimeAsync(20 * MINUTE);
    login.finish();
    expect(location(await get(login.authorizePath))).toContain('/oauth/success');
  });

  it('comes by its owner, whose reason is told; the first one stays', async () => {
    const { login, get } = flow();
    login.cancel(new McpMasterError('INTERRUPTED', 'the login was interrupted'));
    login.finish();
    await expect(login.response).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const result = location(await get(login.authorizePath));
    expect(await (await get(result)).text()).toContain('The login was interrupted.');
  });

  it('reaches the browser that waits at the callback', async () => {
    const { login, callback } = flow();
    const answer = callback(`code=a&state=${STATE}`);
    login.cancel(new McpMasterError('INTERRUPTED', 'the login was interrupted'));
    expect(location(await answer)).toContain('/oauth/error');
  });

  it('comes by a token of another process', async () => {
    const { login, get } = flow();
    login.finish();
    await expect(login.response).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(location(await get(login.authorizePath))).toContain('/oauth/success');
  });

  it('leaves no timer behind', async () => {
    const { controller, login, callback, get } = flow();
    const answer = callback(`code=a&state=${STATE}`);
    login.finish();
    await get(location(await answer));
    await controller.settled();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('settled', () => {
  it('waits for the page that a browser was sent to', async () => {
    const { controller, login, callback, get } = flow();
    const answer = callback(`code=a&state=${STATE}`);
    login.finish();
    const settled = controller.settled();
    const page = location(await answer);
    expect(await now(settled)).toBe('pending');
    await get(page, 'HEAD');
    expect(await now(settled)).toBe('pending');
    await get(page);
    expect(await now(settled)).toBeUndefined();
  });

  it('waits two seconds at most, and for nobody when no browser came', async () => {
    const { controller, login, callback } = flow();
    expect(await now(controller.settled())).toBeUndefined();
    const answer = callback(`code=a&state=${STATE}`);
    expect(await now(controller.settled())).toBeUndefined();
    login.finish();
    await answer;
    const settled = controller.settled();
    await vi.advanceTimersByTimeAsync(1999);
    expect(await now(settled)).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(await now(settled)).toBeUndefined();
  });
});

describe('several logins', () => {
  it('do not mix', async () => {
    const { controller, login, get, callback } = flow();
    const other = controller.begin(
      attemptFor('other', {
        redirectUri: 'http://127.0.0.1:4712/cb',
        state: 'state-of-other',
        authorizationUrl: 'https://other.example/a',
      }),
    );
    const otherGet = (path: string) => get(`http://127.0.0.1:4712${path}`);
    expect(location(await get(login.authorizePath))).toContain(ISSUER);
    expect(location(await otherGet(other.authorizePath))).toBe('https://other.example/a');
    const swapped = other.authorizePath.replace('server_id=other', 'server_id=github');
    for (const wrong of [await get(other.authorizePath), await otherGet(swapped)]) {
      expect(wrong.status).toBe(404);
    }
    for (const wrong of [
      await callback('code=x&state=state-of-other'),
      await otherGet(`/cb?code=x&state=${STATE}`),
    ]) {
      expect(wrong.status).toBe(400);
    }
    const answers = [
      otherGet('/cb?code=of-other&state=state-of-other'),
      callback(`code=of-github&state=${STATE}`),
    ] as const;
    expect((await login.response).get('code')).toBe('of-github');
    expect((await other.response).get('code')).toBe('of-other');
    login.finish(new McpMasterError('INTERNAL', 'failed'));
    other.finish();
    expect((await answers[0]).headers.get('location')).toContain('/oauth/success');
    const failed = location(await answers[1]);
    expect(failed).toContain('/oauth/error');
    expect((await otherGet(failed)).status).toBe(404);
  });

  it('of one server have a nonce each', async () => {
    const { controller, login, get } = flow();
    const second = controller.begin(
      attemptFor('github', { state: 'second', authorizationUrl: 'https://second.example/' }),
    );
    expect(location(await get(login.authorizePath))).toContain(ISSUER);
    expect(location(await get(second.authorizePath))).toBe('https://second.example/');
  });

  it('are remembered after their end, but not without bound', async () => {
    const { controller, login, get } = flow();
    login.finish();
    const page = location(await get(login.authorizePath));
    const waiting = controller.begin(attemptFor('waiting', { state: 'waiting' }));
    for (let at = 0; at < 99; at++) controller.begin(attemptFor(`s${at}`)).finish();
    expect((await get(page)).status).toBe(404);
    expect((await get(waiting.authorizePath)).status).toBe(302);
  });
});
