import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTempFolder, runBin, type TempFolder, writeConfig } from '../support/bin.ts';
import { type Mode, type RecordingBackend, recordingBackend } from '../support/recording.ts';
import { type RecordingClient, startServe } from '../support/recording-client.ts';

let folder: TempFolder;
let open: (() => Promise<unknown>)[];
beforeEach(async () => {
  folder = await createTempFolder();
  open = [];
});
afterEach(async () => {
  for (const close of open.reverse()) await close();
  await folder.remove();
});

async function backend(mode: Mode = 'http', more: string[] = []): Promise<RecordingBackend> {
  const made = await recordingBackend(folder.path, `backend-${open.length}`, {}, mode, more);
  open.push(made.stop);
  return made;
}

async function serve(
  servers: Record<string, object>,
  env: Record<string, string> = {},
): Promise<RecordingClient> {
  const client = await startServe({ servers }, { env });
  open.push(() => client.close());
  await client.initialize();
  return client;
}

/** The headers of every request that a backend saw. */
function headersOf({ lines }: RecordingBackend): Record<string, string>[] {
  return lines().flatMap(({ event, headers }) => (event === 'http' && headers ? [headers] : []));
}

describe.each(['http', 'sse'] as const)('what is sent over %s', (mode) => {
  it.each([
    [
      'custom headers and any scheme, as they are',
      { headers: { Authorization: 'CustomScheme key=value, sig=a$&b', 'X-Team': 'core' } },
      { authorization: 'CustomScheme key=value, sig=a$&b', 'x-team': 'core' },
    ],
    [
      'an API key by its template',
      { api_key: { header: 'X-API-Key', key: 'k$&{x', template: 'Key {key}!' } },
      { 'x-api-key': 'Key k$&{x!' },
    ],
    [
      'an API key in Authorization, as a bearer',
      { api_key: { header: 'Authorization', key: 'abc' } },
      { authorization: 'Bearer abc' },
    ],
    ['an API key elsewhere, raw', { api_key: { header: 'X-Key', key: 'abc' } }, { 'x-key': 'abc' }],
    [
      'a value from the environment',
      { headers: { Authorization: `Bearer ${'$'}{SOME_TOKEN}` } },
      { authorization: 'Bearer from-env' },
    ],
  ])('is %s', async (_, entry, headers) => {
    const remote = await backend(mode);
    const client = await serve(
      { remote: { ...remote.entry, ...entry } },
      { SOME_TOKEN: 'from-env' },
    );
    expect(await client.callTool('remote__echo', { message: 'x' })).toEqual({
      content: [{ type: 'text', text: 'x' }],
    });
    const seen = headersOf(remote);
    expect(seen.length).toBeGreaterThan(3);
    for (const one of seen) expect(one).toMatchObject(headers);
  });

  it.each([
    ['without a strategy', {}],
    ['with bypass_auth', { auth_strategy: 'bypass_auth' }],
  ])('is no credential %s', async (_, entry) => {
    const remote = await backend(mode);
    const client = await serve(
      { remote: { ...remote.entry, ...entry } },
      { MCP_MASTER_TOKEN: 'not-for-it' },
    );
    await client.callTool('remote__echo', {});
    for (const one of headersOf(remote)) {
      expect(Object.keys(one)).not.toEqual(expect.arrayContaining(['authorization']));
      expect(Object.keys(one)).not.toEqual(expect.arrayContaining(['cookie']));
    }
  });

  it('keeps the headers of the transport, whatever the entry says', async () => {
    const remote = await backend(mode);
    const client = await serve({
      remote: {
        ...remote.entry,
        headers: { Accept: 'text/plain', 'Content-Type': 'text/plain', 'User-Agent': 'mine' },
      },
    });
    await client.callTool('remote__echo', {});
    const posts = remote
      .lines()
      .filter(({ event, method }) => event === 'http' && method === 'POST');
    for (const { headers } of posts)
      expect(headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'mine' });
    expect(client.stderr).toMatch(/warn .*Accept/);
  });
});

describe('a server that answers 401', () => {
  it.each(['http', 'sse'] as const)(
    'over %s is shown as needing a login, and disturbs nobody',
    async (mode) => {
      const closed = await backend(mode, ['--token', 'right']);
      const good = await backend();
      const servers = { closed: closed.entry, good: good.entry };
      const client = await serve(servers);
      const names = (await client.listTools()).map(({ name }) => name);
      expect(names).toEqual(['mcp-master__status', 'mcp-master__login', 'good__echo']);
      expect(await client.callTool('good__echo', { message: 'x' })).toBeDefined();
      expect(client.stderr).toContain('server "closed": it needs a login');

      const file = await writeConfig(folder.path, { servers });
      const { code, stdout } = await runBin(['list', '--json', '--config', file]);
      expect(JSON.parse(stdout)).toMatchObject([
        {
          server: 'closed',
          state: 'login_required',
          error: { code: 'LOGIN_REQUIRED', hint: expect.any(String) },
        },
        { server: 'good', state: 'ready' },
      ]);
      expect(code).toBe(1);
      expect(await runBin(['call', 'closed', 'echo', '--config', file])).toMatchObject({ code: 4 });
    },
  );

  it('to a credential of the configuration has refused it', async () => {
    const closed = await backend('http', ['--token', 'right']);
    const entry = { ...closed.entry, headers: { Authorization: 'Bearer wrong-token' } };
    const file = await writeConfig(folder.path, { servers: { closed: entry } });
    const { stdout } = await runBin(['list', '--json', '--config', file]);
    expect(JSON.parse(stdout)).toMatchObject([{ state: 'error', error: { code: 'UNAUTHORIZED' } }]);
    expect(stdout).not.toContain('wrong-token');
  });
});

describe('transports', () => {
  it('falls back to SSE where there is no Streamable HTTP', async () => {
    const old = await backend('sse');
    const file = await writeConfig(folder.path, { servers: { old: old.entry } });
    expect(JSON.parse((await runBin(['list', '--json', '--config', file])).stdout)).toMatchObject([
      { state: 'ready', transport: 'sse' },
    ]);
  });

  it('says that nobody is there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const file = await writeConfig(folder.path, {
      servers: { gone: { type: 'local', config: { port } } },
    });
    const { stdout } = await runBin(['list', '--json', '--config', file]);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        state: 'error',
        error: {
          code: 'BACKEND_EXITED',
          message: expect.stringContaining(`127.0.0.1:${port}: connection refused`),
        },
      },
    ]);
  });

  it('sends no credential to another origin that a server redirects to', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const listen = async (handler: Parameters<typeof createServer>[1]) => {
      const server = createServer({}, handler).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      open.push(() => new Promise((resolve) => server.close(resolve)));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    const other = await listen((request, response) => {
      seen.push(request.headers);
      response.writeHead(200).end();
    });
    const first = await listen((_, response) => {
      response.writeHead(307, { location: `${other}/mcp?secret=1` }).end();
    });
    const entry = { url: `${first}/mcp`, headers: { Authorization: 'Bearer mine-alone' } };
    const file = await writeConfig(folder.path, { servers: { moved: entry } });
    const { stdout } = await runBin(['list', '--json', '--config', file]);
    const [{ error }] = JSON.parse(stdout);
    expect(error.message).toContain(other);
    expect(error.message).not.toContain('secret');
    expect(seen).toEqual([]);
  });
});
