import { execFile } from 'node:child_process';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, type TestContext } from 'vitest';
import { BIN, strippedEnv } from '../support/bin.ts';
import type { AuthHome } from '../support/oauth/auth-home.ts';
import {
  ALL_WELL,
  expectError,
  expectHarmless,
  expectHealed,
  loginsOf,
} from '../support/oauth/refresh-fault-row.ts';
import { expectSavedLater } from '../support/oauth/refresh-fault-save.ts';
import {
  expectEchoed,
  onStage,
  type RefreshStage,
  STATES,
} from '../support/oauth/refresh-fault-stage.ts';
import { RecordingClient } from '../support/recording-client.ts';
import { requireInstalled, skipAloud } from '../support/system.ts';

const execute = promisify(execFile);

describe.concurrent('a disk that is full', () => {
  it('costs no refresh token when it is full before', async (context) => {
    await onSmallDisk(context, (stage, filler) =>
      expectHarmless(
        stage,
        { begin: () => fill(filler), end: () => rm(filler) },
        {
          code: 'STORE_UNAVAILABLE',
          message: /can't be written: the disk is full \(ENOSPC\)/,
          hint: /^Free some space, then try again\.$/,
        },
      ),
    );
  });

  it('does not lose new tokens when it gets full', async (context) => {
    await onSmallDisk(context, (stage, filler) =>
      expectSavedLater(stage, { begin: () => fill(filler), end: () => rm(filler) }),
    );
  });
});

/** With the state on a disk of 256 KB, and a file to fill that with. */
async function onSmallDisk(
  context: TestContext,
  work: (stage: RefreshStage, filler: string) => Promise<void>,
): Promise<void> {
  requireInstalled(context, 'mount', 'umount');
  let folder = '';
  let isMounted = false;
  const prepare = async ({ path }: AuthHome) => {
    folder = join(path, 'state');
    await mkdir(folder, { mode: 0o700 });
    const options = ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', folder];
    await execute('mount', options).catch((error: unknown) => {
      skipAloud(context, `no disk can be mounted: ${String(error)}`);
    });
    isMounted = true;
  };
  const release = async () => {
    // A program that has just been killed may still be in it.
    if (isMounted) await execute('umount', ['--lazy', folder]);
  };
  await onStage({ prepare, release }, (stage) => work(stage, join(folder, 'filler')));
}

async function fill(file: string): Promise<void> {
  await expect(writeFile(file, Buffer.alloc(1024 * 1024))).rejects.toMatchObject({
    code: 'ENOSPC',
  });
}

const NOBODY = 65534;

/** `serve` as a user whom the modes of files bind, who is not root. */
async function serveAsNobody(home: AuthHome, context: TestContext): Promise<RecordingClient> {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    requireInstalled(context, 'setpriv');
    await execute('chown', ['-R', `${NOBODY}:${NOBODY}`, home.path]);
  }
  const drop = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const [command = '', ...args] = [
    ...(isRoot ? drop : []),
    ...[process.execPath, BIN, 'serve', '--log-level=debug'],
  ];
  const env = strippedEnv(home.path, home.env);
  const client = new RecordingClient({ command, args, env, cwd: '/', deadline: 50_000 });
  await client.initialize();
  return client;
}

describe.skipIf(process.platform === 'win32')(
  'folders that are read-only',
  { concurrent: true },
  () => {
    const setAll = async ({ home }: RefreshStage, names: string[], mode: number) => {
      for (const name of names) await chmod(join(home.path, 'state', name), mode);
    };
    const asNobody = async (context: TestContext, work: (stage: RefreshStage) => Promise<void>) => {
      await onStage({ serve: (home) => serveAsNobody(home, context) }, work);
    };

    it('cost no refresh token when they all are', async (context) => {
      const all = ['tokens', 'logins', 'locks'];
      await asNobody(context, (stage) =>
        expectHarmless(
          stage,
          { begin: () => setAll(stage, all, 0o500), end: () => setAll(stage, all, 0o700) },
          {
            code: 'STORE_UNAVAILABLE',
            message: /can't be written: permission denied \(EACCES\)/,
            hint: /^Make its folder yours, or set MCP_MASTER_HOME/,
          },
        ),
      );
    });

    it('do not lose new tokens when they get so', async (context) => {
      const all = ['tokens', 'logins'];
      await asNobody(context, (stage) =>
        expectSavedLater(stage, {
          begin: () => setAll(stage, all, 0o500),
          end: () => setAll(stage, all, 0o700),
        }),
      );
    });

    it('or not even readable are waited for', async (context) => {
      await asNobody(context, async (stage) => {
        await Promise.all(STATES.map((state) => stage.makeDue(state)));
        const logins = await loginsOf(stage);
        await setAll(stage, ['tokens'], 0o000);
        const unreadable = {
          code: 'STORE_UNAVAILABLE',
          message: /can't be read: permission denied \(EACCES\)/,
          hint: /^Make its folder yours/,
        };
        // Those who have not read their token yet.
        for (const server of ['valid', 'expired'] as const) {
          expectError(await stage.call(server), { server, ...unreadable });
        }
        expectEchoed(await stage.call('other'));
        await setAll(stage, ['tokens'], 0o700);
        await Promise.all(STATES.map((state) => expectHealed(stage, state, logins[state])));
        expect(await stage.states()).toMatchObject(ALL_WELL);
      });
    });
  },
);
