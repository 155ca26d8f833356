import { describe, expect, it, vi } from 'vitest';
import { MultiAuthManager } from '../../../src/auth/multi-auth-manager.ts';
import type { OAuthSettings } from '../../../src/config/config.ts';
import { McpMasterError } from '../../../src/errors.ts';
import { ChallengeRecords } from '../../../src/oauth/store/challenge-records.ts';
import { MOST_STEP_UPS } from '../../../src/oauth/store/step-up-records.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { noMaster } from '../../support/no-master.ts';
import { serverConfig } from '../../support/server-config.ts';
import { memoryLogins, someLogin } from '../../support/stored-login.ts';

/** A server that demands wider scopes, and what its refusals are explained with, process by process. */
function create(oauth: OAuthSettings = {}) {
  const world = memoryLogins();
  const { logins, files } = world;
  const endpoint = {
    ...{ kind: 'http' as const, url: 'https://x.example/mcp', headers: {}, sseReadTimeout: 300 },
    auth: { strategy: 'delegate_oauth' as const, oauth },
  };
  const server = serverConfig({ name: 'x', endpoint });
  /** Another process: nothing but the files is known there. */
  const start = () => {
    const challenges = new ChallengeRecords(files, (message) => {
      throw new Error(message);
    });
    const journal = {
      ...{ used: vi.fn(), refreshed: vi.fn(), refused: vi.fn() },
      ...{ failed: vi.fn(), succeeded: vi.fn() },
    };
    const never = async () => {
      throw new Error('nobody asks for this');
    };
    const manager = new MultiAuthManager().attach({
      ...noMaster(),
      ...{ logins, challenges, journal, renew: never, revoke: never, obtain: never, now: () => 0 },
      ...{ owner: { profile: '', home: '', commandFlags: '' }, log: memoryLog().log },
    });
    return { manager, challenges };
  };
  const serve = start();
  const key = serve.manager.loginKey(server);
  if (key === undefined) throw new Error('this server has no login');
  return {
    ...world,
    key,
    challenges: serve.challenges,
    /** The hint of a call that the server refuses for the want of `scope`; undefined: it names none. */
    refuse(scope?: string): string | undefined {
      const named = scope === undefined ? '' : `, scope="${scope}"`;
      const headers = { 'www-authenticate': `Bearer error="insufficient_scope"${named}` };
      const { manager } = serve;
      manager.forServer(server, endpoint).onRefusal(403, headers);
      const error = new McpMasterError('INSUFFICIENT_SCOPE', 'answered 403', { hint: 'none' });
      const explained = manager.explain(server, error);
      expect(explained).toMatchObject({ code: 'INSUFFICIENT_SCOPE', message: 'answered 403' });
      return explained.hint;
    },
    /** A login in a terminal, that is granted these scopes. */
    async logIn(scopes: string[]) {
      await serve.challenges.flush();
      const { tokens } = someLogin();
      await logins.save(key, someLogin({ tokens: { ...tokens, scopes } }));
      await start().challenges.clear(key.file, scopes);
    },
  };
}

const LOGIN = expect.stringContaining('mcp-master auth login --server=x');
const HAS_THEM = expect.stringMatching(/^(?!.*mcp-master auth login).*this one has the scopes/s);
const NEVER_GOT_THEM = expect.stringMatching(/^(?!.*mcp-master auth login).*did not get them/s);

describe('a wider scope that a server demands', () => {
  it('is asked for by another login', async () => {
    const world = create();
    await world.logIn(['read']);
    expect(world.refuse('write')).toEqual(LOGIN);
  });

  it('needs a first login where there is none', () => {
    expect(create().refuse('write')).toEqual(LOGIN);
  });

  it('is not asked for again when the login has it', async () => {
    const world = create();
    await world.logIn(['read']);
    world.refuse('write');
    await world.logIn(['read', 'write']);
    expect(world.refuse('write')).toEqual(HAS_THEM);
    expect(world.refuse('write read')).toEqual(HAS_THEM);
    expect(world.refuse('write admin')).toEqual(LOGIN);
  });

  it('is asked for three times at most when no login gets it', async () => {
    const world = create();
    await world.logIn(['read']);
    for (let logins = 0; logins < MOST_STEP_UPS; logins += 1) {
      expect(world.refuse('write')).toEqual(LOGIN);
      await world.logIn(['read']);
    }
    expect(world.refuse('write')).toEqual(NEVER_GOT_THEM);
    expect(world.refuse('admin')).toEqual(LOGIN);
  });

  it('is asked for three times at most when the server does not say which', async () => {
    const world = create();
    await world.logIn(['read']);
    for (let logins = 0; logins < MOST_STEP_UPS; logins += 1) {
      expect(world.refuse()).toEqual(LOGIN);
      await world.logIn(['read']);
    }
    expect(world.refuse()).toEqual(NEVER_GOT_THEM);
    expect(world.refuse('write')).toEqual(LOGIN);
  });

  it.each([
    ['a login that got it', (world: ReturnType<typeof create>) => world.logIn(['read', 'write'])],
    [
      'a login that nobody had to make for it',
      async (world: ReturnType<typeof create>) => {
        await world.logIn(['read']);
        await world.logIn(['read']);
      },
    ],
    ['a logout', ({ challenges, key }: ReturnType<typeof create>) => challenges.clear(key.file)],
  ])('begins anew after %s', async (_, settle) => {
    const world = create();
    await world.logIn(['read']);
    for (let logins = 1; logins < MOST_STEP_UPS; logins += 1) {
      world.refuse('write');
      await world.logIn(['read']);
    }
    world.refuse('write');
    await settle(world);
    expect([...world.files.texts.keys()].filter((path) => /^step-ups/.test(path))).toEqual([]);
    await world.logIn(['read']);
    expect(world.refuse('write')).toEqual(LOGIN);
  });

  it('counts a record that is damaged as none', async () => {
    const world = create();
    await world.logIn(['read']);
    world.files.texts.set(`step-ups/${world.key.file}`, '{"logins":');
    expect(world.refuse('write')).toEqual(LOGIN);
  });

  it('is a matter of the configuration where nobody logs in', async () => {
    const world = create({ grant: 'client_credentials', clientId: 'c', clientSecret: 's' });
    await world.logIn(['read']);
    expect(world.refuse('write')).toMatch(/^Add the scopes .* to `scopes` in its auth_config/);
  });

  it('is a matter of rights where the token of the client has the scopes', async () => {
    const world = create({ grant: 'client_credentials', clientId: 'c', clientSecret: 's' });
    await world.logIn(['read', 'write']);
    expect(world.refuse('write')).toMatch(/^Ask whoever runs the server what the client may do/);
  });
});

describe('ChallengeRecords', () => {
  it('does not lose a wider scope to a plain 401 while it is being written', async () => {
    const { files } = memoryLogins();
    const { write } = files;
    let written = () => {};
    const disk = new Promise<void>((resolve) => {
      written = resolve;
    });
    files.write = async (...args) => {
      await disk;
      await write(...args);
    };
    const challenges = new ChallengeRecords(files, () => undefined);
    const wider = { error: 'insufficient_scope', scopes: ['write'] };
    challenges.note('x', wider);
    challenges.note('x', { error: 'invalid_token' });
    expect(challenges.has('x')).toBe(true);
    expect(challenges.get('x')).toEqual(wider);
    written();
    await challenges.flush();
    expect(new ChallengeRecords(files, () => undefined).get('x')).toEqual(wider);
  });
});
