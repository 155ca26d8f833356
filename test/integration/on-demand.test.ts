import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  fetchOnDemand,
  httpClientOnDemand,
  locksOnDemand,
  processesOnDemand,
  secretStoreOnDemand,
} from '../../src/platform/on-demand.ts';
import { createTempFolder } from '../support/bin.ts';
import { memoryLog } from '../support/memory-log.ts';

async function openServer() {
  const connections: Socket[] = [];
  const server = createServer((_request, response) => void response.end('hello'));
  server.on('connection', (socket) => connections.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: new URL(`http://127.0.0.1:${port}/`), connections };
}

describe('httpClientOnDemand', () => {
  it('is one client for all requests, and closes it', async () => {
    const { url, connections } = await openServer();
    const client = httpClientOnDemand({ env: {}, log: memoryLog().log });
    const get = async () => {
      const { status, body } = await client.request({ url, method: 'GET', headers: {} });
      return [status, await text(body)];
    };
    expect(await get()).toEqual([200, 'hello']);
    expect(await get()).toEqual([200, 'hello']);
    expect(connections).toHaveLength(1);
    const closed = connections.map((socket) => once(socket, 'close'));
    client.close();
    await Promise.all(closed);
  });

  it('can be closed before it was used', async () => {
    const { url } = await openServer();
    const client = httpClientOnDemand({ env: {}, log: memoryLog().log });
    client.close();
    onTestFinished(() => client.close());
    const response = await fetchOnDemand(client)(url.href);
    expect(await response.text()).toBe('hello');
  });
});

describe('secretStoreOnDemand', () => {
  it('opens the encrypted files, and says what is wrong with their key', async () => {
    const temp = await createTempFolder();
    onTestFinished(() => temp.remove());
    const { log } = memoryLog();
    const open = (env: Record<string, string>) =>
      secretStoreOnDemand('file', {
        files: { folder: temp.path, env, log },
        keychain: { env, platform: process.platform, node: '', helper: '', log },
      });
    const store = open({ OAUTH_ENCRYPTION_KEY: 'ab'.repeat(32) });
    store.close();
    expect(store.name).toBe('file');
    await store.write('someone', 'a secret');
    expect(await store.read(['someone', 'nobody'])).toEqual(new Map([['someone', 'a secret']]));
    expect(await store.delete('someone')).toBe(true);
    await store.rehearse(10);
    await store.probe();
    await expect(open({}).probe()).rejects.toMatchObject({ code: 'ENCRYPTION_KEY_INVALID' });
  });
});

describe('locksOnDemand', () => {
  it('lets one in after the other', async () => {
    const temp = await createTempFolder();
    onTestFinished(() => temp.remove());
    const locks = locksOnDemand(temp.path, memoryLog().log);
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} in`);
      await new Promise(setImmediate);
      order.push(`${name} out`);
      return name;
    };
    const done = await Promise.all(['a', 'b'].map((name) => locks.hold('x', work(name))));
    expect(done).toEqual(['a', 'b']);
    expect(order.map((step) => step.split(' ')[1])).toEqual(['in', 'out', 'in', 'out']);
  });
});

describe('processesOnDemand', () => {
  it('ends what it has started, and nothing when that is nothing', async () => {
    const processes = processesOnDemand(process.platform);
    processes.killAll();
    const child = await processes.spawn({
      command: process.execPath,
      args: ['-e', 'setInterval(() => {}, 1000)'],
      env: {},
      cwd: undefined,
    });
    processes.killAll();
    const { code, signal } = await child.exited;
    expect(code === 0 && signal === null).toBe(false);
  });
});
