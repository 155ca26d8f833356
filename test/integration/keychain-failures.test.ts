import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTempFolder, processAlive, type TempFolder, waitFor } from '../support/bin.ts';
import { buildProgram, KEYCHAIN_HELPER } from '../support/build-program.ts';
import { helperProcesses } from '../support/helper-processes.ts';
import { openKeychain } from '../support/keychain-store.ts';
import type { KeychainTask } from '../support/programs/keychain-user.ts';
import { runProgram } from '../support/run-program.ts';
import { type SecretService, startSecretService } from '../support/secret-service.ts';

let programs: TempFolder;
let user: string;
beforeAll(async () => {
  programs = await createTempFolder();
  user = await buildProgram('keychain-user', programs.path);
});
afterAll(() => programs.remove());

/** A process of its own that uses the keychain of a test. */
function runUser(service: SecretService, task: Pick<KeychainTask, 'do'>) {
  const whole: KeychainTask = {
    ...{ account: 'alpha', helper: KEYCHAIN_HELPER },
    ...task,
  };
  return runProgram(user, whole, { env: service.env });
}

function onlyHelper(service: SecretService) {
  const helpers = helperProcesses(service.env['HOME'] ?? '');
  expect(helpers).toHaveLength(1);
  return helpers[0] ?? expect.fail('no helper');
}

function noHelperIsLeft(service: SecretService): Promise<boolean> {
  return waitFor(() => helperProcesses(service.env['HOME'] ?? '').length === 0, {
    what: 'the end of the helper',
    deadline: 20_000,
  });
}

describe('a locked keychain', () => {
  it('is told, with the way out, where no prompt can be shown', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'kept');
    await service.lock();
    const locked = {
      code: 'KEYCHAIN_LOCKED',
      message: expect.stringContaining('locked'),
      hint: expect.stringContaining('openssl rand -hex 32'),
    };
    await expect(store.read(['absent', 'alpha'])).rejects.toMatchObject(locked);
    await expect(store.write('alpha', 'new')).rejects.toMatchObject(locked);
    await expect(store.delete('alpha')).rejects.toMatchObject(locked);
    await expect(store.probe()).rejects.toMatchObject(locked);
  });

  it('costs a request no more than its patience when nobody answers the prompt', async (context) => {
    const service = await startSecretService(context, { prompt: 'unanswered' });
    const { store, lines } = openKeychain(service.env, { patienceMs: 2500 });
    await store.write('alpha', 'kept');
    await service.lock();
    const [first, behind] = await Promise.allSettled([store.read(['alpha']), store.read(['beta'])]);
    for (const result of [first, behind]) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'KEYCHAIN_LOCKED', message: expect.stringContaining('does not answer') },
      });
    }
    expect(lines.filter((line) => / warn .*prompt/.test(line))).toHaveLength(1);
    await noHelperIsLeft(service);
  });

  it('lets go of a stuck request at once when the store is closed', async (context) => {
    const service = await startSecretService(context, { prompt: 'unanswered' });
    const { store, lines } = openKeychain(service.env);
    await store.write('alpha', 'kept');
    await service.lock();
    const stuck = store.read(['alpha']);
    const behind = store.read(['beta']);
    const told = Promise.allSettled([stuck, behind]);
    await waitFor(() => lines.some((line) => line.includes('prompt')));
    store.close();
    for (const result of await told) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'INTERRUPTED' } });
    }
    await noHelperIsLeft(service);
    await expect(store.read(['alpha'])).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('does not keep a program from its end, nor a helper after it', async (context) => {
    const service = await startSecretService(context, { prompt: 'unanswered' });
    await service.store('alpha', 'kept');
    await service.lock();
    const { ended } = runUser(service, { do: 'read-and-exit' });
    expect(await ended).toEqual({ code: 0, stdout: 'leaving after 1 lines of log', stderr: '' });
    await noHelperIsLeft(service);
  });

  it('leaves no helper behind when the program is killed while it is stuck', async (context) => {
    const service = await startSecretService(context, { prompt: 'unanswered' });
    await service.store('alpha', 'kept');
    await service.lock();
    const { child, ended } = runUser(service, { do: 'read' });
    await waitFor(() => helperProcesses(service.env['HOME'] ?? '').length === 1);
    // The prompter is there: the call is stuck.
    await waitFor(async () => (await service.connections()) >= 4, { what: 'the prompt' });
    const { pid } = onlyHelper(service);
    child.kill('SIGKILL');
    await ended;
    await waitFor(() => !processAlive(pid));
  });

  it('is asked once for many accounts', async (context) => {
    const service = await startSecretService(context);
    for (const account of ['alpha', 'beta', 'gamma']) await service.store(account, 'kept');
    await service.lock();
    const { store } = openKeychain(service.env);
    await expect(store.read(['alpha', 'beta', 'gamma'])).rejects.toMatchObject({
      code: 'KEYCHAIN_LOCKED',
    });
    await waitFor(() => service.dismissals() > 0);
    expect(service.dismissals()).toBe(1);
  });
});

describe('a keychain that is not there', () => {
  it.for<[what: string, dead: boolean]>([
    ['a bus', true],
    ['a service on the bus', false],
  ])('is told where there is no %s', async ([, dead], context) => {
    const service = await startSecretService(context, { service: false });
    const nowhere = `unix:path=${join(service.env['HOME'] ?? '', 'nowhere')}`;
    const env = { ...service.env, ...(dead && { DBUS_SESSION_BUS_ADDRESS: nowhere }) };
    const { store } = openKeychain(env);
    const unavailable = {
      code: 'KEYCHAIN_UNAVAILABLE',
      hint: expect.stringContaining('OAUTH_ENCRYPTION_KEY'),
    };
    await expect(store.read(['alpha'])).rejects.toMatchObject(unavailable);
    await expect(store.probe()).rejects.toMatchObject(unavailable);
  });

  it('answers again once a frozen one goes on', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'kept');
    service.freeze();
    await expect(store.read(['alpha', 'beta', 'gamma'])).rejects.toMatchObject({
      code: 'KEYCHAIN_LOCKED',
      message: expect.stringContaining('does not answer'),
    });
    service.thaw();
    expect((await store.read(['alpha'])).get('alpha')).toBe('kept');
  });
});

describe('the helper process', () => {
  it('gets no more of the environment than it needs, and no secret as an argument', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain({ ...service.env, API_KEY: 'not for it', NODE_OPTIONS: '' });
    await store.write('alpha', 'a secret value');
    const { args, env } = onlyHelper(service);
    expect(args).toEqual([process.execPath, '--expose-gc', KEYCHAIN_HELPER]);
    expect(env).toEqual(service.env);
  });

  it('alone loads the library of the keychain', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'value');
    const maps = (pid: number | 'self') => readFileSync(`/proc/${pid}/maps`, 'utf8');
    expect(maps(onlyHelper(service).pid)).toMatch(/keyring.*\.node/);
    expect(maps('self')).not.toMatch(/keyring.*\.node/);
  });

  it('is replaced when it died between two requests, and in one', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'kept');
    process.kill(onlyHelper(service).pid, 'SIGKILL');
    expect((await store.read(['alpha'])).get('alpha')).toBe('kept');
    service.freeze();
    const reading = store.read(['alpha']);
    process.kill(onlyHelper(service).pid, 'SIGKILL');
    service.thaw();
    expect((await reading).get('alpha')).toBe('kept');
  });

  it('is ended when there has been nothing to do for a while', async (context) => {
    const service = await startSecretService(context);
    const { store } = openKeychain(service.env);
    await store.write('alpha', 'kept');
    onlyHelper(service);
    await noHelperIsLeft(service);
    expect((await store.read(['alpha'])).get('alpha')).toBe('kept');
  });

  it('lets a program end that has nothing else to do', async (context) => {
    const service = await startSecretService(context);
    await service.store('alpha', 'kept');
    const { ended } = runUser(service, { do: 'read' });
    expect(await ended).toEqual({ code: 0, stdout: 'kept', stderr: '' });
    await noHelperIsLeft(service);
  });

  it('is told when it does not run at all', async () => {
    const { store, lines } = openKeychain({}, { helper: join(programs.path, 'no-such-file.js') });
    await expect(store.read(['alpha'])).rejects.toMatchObject({
      code: 'KEYCHAIN_UNAVAILABLE',
      message: expect.stringContaining('does not run'),
    });
    expect(lines.join('')).toContain('Cannot find module');
  });
});
