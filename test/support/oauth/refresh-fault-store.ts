import { chown, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecretStore } from '../../../src/oauth/store/secret-store.ts';
import type { StoredLogin } from '../../../src/oauth/store/stored-login.ts';
import { createEncryptedFiles } from '../../../src/platform/encrypted-files.ts';
import { createStateFiles } from '../../../src/platform/state-files.ts';
import { memoryLog } from '../memory-log.ts';
import type { AuthHome } from './auth-home.ts';

/** Where the items of the logins are: for an item of the keychain, another program reads and writes it. */
export type Items = Pick<SecretStore, 'write'> & {
  read(accounts: readonly string[]): Promise<Map<string, unknown>>;
};

/** What is stored of the logins of a home, seen from outside while programs use it. */
export interface LoginsAtRest {
  /** The item of a server in clear; undefined when there is none. */
  login(server: string): Promise<StoredLogin | undefined>;
  /** Whether the index has a record of a login there. */
  isKnown(server: string): Promise<boolean>;
  /**
   * Makes its access token end in so many milliseconds, an hour after it was issued: the item, and then the record, as
   * the program does. Every program that runs then reads both again.
   */
  age(server: string, left: number): Promise<void>;
}

/** Milliseconds that an aged token seems to have lived when it ends. */
const LIFE = 3_600_000;

/** Through the program's own code for files: that of the encrypted ones unless `items` is given. */
export function loginsAtRest(home: Pick<AuthHome, 'path' | 'env'>, items?: Items): LoginsAtRest {
  const folder = join(home.path, 'state');
  const { log } = memoryLog();
  const store = items ?? createEncryptedFiles({ folder, env: cleaned(home.env), log });
  const recordOf = async (server: string) => {
    const names = await readdir(join(folder, 'logins')).catch(() => []);
    const name = names.find((one) => one.startsWith(`${server}-`) && one.endsWith('.json'));
    if (name === undefined) return undefined;
    const record = JSON.parse(await readFile(join(folder, 'logins', name), 'utf8'));
    return { name: name.replace(/\.json$/, ''), record };
  };
  const read = async (account: string): Promise<StoredLogin | undefined> => {
    const value = (await store.read([account])).get(account);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw value;
    return JSON.parse(value);
  };
  return {
    isKnown: async (server) => (await recordOf(server)) !== undefined,
    login: async (server) => {
      const known = await recordOf(server);
      return known && read(known.record.account);
    },
    age: async (server, left) => {
      const { name = '', record } = (await recordOf(server)) ?? {};
      const login = await read(record.account);
      if (login === undefined) throw new Error(`There is no login at ${server}`);
      const expiresAt = Date.now() + left;
      const revision = `aged-${expiresAt}-${Math.random()}`;
      const tokens = { ...login.tokens, expiresAt, obtainedAt: expiresAt - LIFE };
      const staging = await mkdtemp(join(folder, 'aging-'));
      const place = { folder: staging, env: cleaned(home.env), log };
      const item = JSON.stringify({ ...login, revision, tokens });
      await (items ?? createEncryptedFiles(place)).write(record.account, item);
      const aged = JSON.stringify({ ...record, revision, expiresAt });
      await createStateFiles(staging, log).write('logins', name, aged);
      for (const part of ['tokens', 'logins']) await putInPlace(staging, folder, part);
      await rm(staging, { recursive: true });
    },
  };
}

/** As if the owner of the folder had written them: at no moment can that one not read them. */
async function putInPlace(from: string, to: string, part: string): Promise<void> {
  const names = await readdir(join(from, part)).catch(() => []);
  for (const name of names) {
    const { uid, gid } = await stat(join(to, part));
    await chown(join(from, part, name), uid, gid);
    await rename(join(from, part, name), join(to, part, name));
  }
}

function cleaned(env: AuthHome['env']): Record<string, string> {
  const set = Object.entries(env).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined;
  });
  return Object.fromEntries(set);
}
