import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findUserBus } from '../../src/platform/keychain/helper-environment.ts';
import { createTempFolder } from '../support/bin.ts';

it('findUserBus takes a socket of the user, and nothing else', async () => {
  const temp = await createTempFolder();
  onTestFinished(() => temp.remove());
  const { uid } = userInfo();
  const folder = join(temp.path, String(uid));
  const bus = join(folder, 'bus');
  expect(findUserBus(uid, temp.path)).toBeUndefined();
  await mkdir(folder);
  const server = createServer();
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(bus, resolve));
  expect(findUserBus(uid, temp.path)).toBe(bus);
  await symlink(folder, join(temp.path, String(uid + 1)));
  expect(findUserBus(uid + 1, temp.path)).toBeUndefined();
  await mkdir(join(temp.path, String(uid + 2)));
  await writeFile(join(temp.path, String(uid + 2), 'bus'), '');
  expect(findUserBus(uid + 2, temp.path)).toBeUndefined();
});
