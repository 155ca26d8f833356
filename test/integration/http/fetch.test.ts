import { describe, expect, test } from 'vitest';
import { createFetch } from '../../../src/platform/fetch.ts';
import { testClient, until } from '../../support/http/connection.ts';
import { freePort, json, startServer, stream } from '../../support/http/scripted-server.ts';

const ourFetch = () => createFetch(testClient());

describe('createFetch', () => {
  test('sends forms, text and headers, and gives a real Response', async () => {
    const server = await startServer(({ body, headers }, response) => {
      json(response, { body, type: headers['content-type'], x: headers['x-a'] }, 201);
    });
    const fetch = ourFetch();
    const form = await fetch(server.url, {
      method: 'post',
      body: new URLSearchParams({ a: 'b c' }),
    });
    expect(form).toBeInstanceOf(Response);
    expect([form.status, form.ok, form.headers.get('Content-Type')]).toEqual([
      201,
      true,
      'application/json',
    ]);
    const type = 'application/x-www-form-urlencoded;charset=UTF-8';
    expect(await form.json()).toEqual({ body: 'a=b+c', type });
    const headers = new Headers({ 'X-A': '1', 'content-type': 'application/json' });
    const text = await fetch(server.url.href, { method: 'POST', body: '{}', headers });
    expect(await text.json()).toEqual({ body: '{}', type: 'application/json', x: '1' });
  });

  test('answers without a body have none', async () => {
    const server = await startServer((_, response) => response.writeHead(204).end());
    const response = await ourFetch()(server.url, { method: 'DELETE' });
    expect([response.status, response.body]).toEqual([204, null]);
    expect(server.received[0]?.method).toBe('DELETE');
  });

  test('streams; cancelling and aborting end the connection', async () => {
    const server = await startServer((_, response) => stream(response)('data: x\n\n'));
    const fetch = ourFetch();
    const first = (await fetch(server.url)).body?.getReader();
    const chunk = await first?.read();
    expect(new TextDecoder().decode(chunk?.value)).toBe('data: x\n\n');
    await first?.cancel();
    await until(() => server.open() === 0);
    const abort = new AbortController();
    const second = await fetch(server.url, { signal: abort.signal });
    const reading = expect(second.text()).rejects.toThrow();
    abort.abort();
    await reading;
    await until(() => server.open() === 0);
    await expect(fetch(server.url, { signal: abort.signal })).rejects.toThrow(/abort/i);
  });

  test('redirects: followed within the origin, given, or refused', async () => {
    const other = await startServer((_, response) => response.end());
    const server = await startServer(({ path }, response) => {
      const location = path === '/away' ? other.origin : '/end';
      if (path === '/end') response.end('end');
      else response.writeHead(302, { location }).end();
    });
    const fetch = ourFetch();
    const at = (path: string) => new URL(path, server.origin);
    expect(await (await fetch(at('/'))).text()).toBe('end');
    const manual = await fetch(at('/away'), { redirect: 'manual' });
    expect([manual.status, manual.headers.get('location')]).toEqual([302, other.origin]);
    const refused = fetch(at('/'), { redirect: 'error' });
    await expect(refused).rejects.toThrow(TypeError);
    await expect(fetch(at('/away'))).rejects.toMatchObject({
      cause: { code: 'BACKEND_PROTOCOL', message: expect.stringContaining('another origin') },
    });
    expect(other.connections()).toBe(0);
  });

  test('fails as fetch does, with our error as the cause', async () => {
    const url = `http://127.0.0.1:${await freePort()}/`;
    const error = await ourFetch()(url).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: 'fetch failed', cause: { code: 'BACKEND_EXITED' } });
    await expect(ourFetch()(url, { method: 'PUT' })).rejects.toThrow('PUT is not supported');
  });
});
