import { posix, win32 } from 'node:path';
import type { Folders } from '../app/context.ts';
import type { Environment } from '../config/config.ts';
import { McpMasterError } from '../errors.ts';

/** What the folders follow from. */
export interface FolderRequest {
  env: Environment;
  platform: NodeJS.Platform;
  homedir: string;
  /** `--profile`; undefined = `MCP_MASTER_PROFILE`, else none. */
  profile: string | undefined;
}

const NAME = 'mcp-master';
const PROFILE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

/**
 * `MCP_MASTER_HOME` with everything below it; else the platform's own folders: the XDG base
 * directories on Linux, Library on macOS, AppData on Windows. A profile has its own within each.
 */
export function findFolders(request: FolderRequest): Folders {
  const profile = request.profile ?? request.env['MCP_MASTER_PROFILE'] ?? '';
  const base = baseFolders(request);
  if (profile === '') return { ...base, profile };
  if (!PROFILE_NAME.test(profile)) {
    throw new McpMasterError('CONFIG_INVALID', `"${profile}" can't be the name of a profile`, {
      hint: 'Use up to 32 letters, digits, "_" and "-", beginning with a letter or digit.',
    });
  }
  const { join } = pathsOf(request.platform);
  const within = (folder: string) => join(folder, 'profiles', profile);
  return {
    profile,
    home: base.home,
    config: within(base.config),
    state: within(base.state),
    cache: within(base.cache),
  };
}

function baseFolders({ env, platform, homedir }: FolderRequest): Omit<Folders, 'profile'> {
  const { join, resolve, isAbsolute } = pathsOf(platform);
  const own = env['MCP_MASTER_HOME'];
  if (own) {
    const home = resolve(own);
    return { home, config: home, state: join(home, 'state'), cache: join(home, 'cache') };
  }
  // The XDG specification tells to ignore relative paths.
  const given = (variable: string, ...fallback: string[]) => {
    const value = env[variable];
    return value && isAbsolute(value) ? value : join(homedir, ...fallback);
  };
  if (platform === 'win32') {
    const local = join(given('LOCALAPPDATA', 'AppData', 'Local'), NAME);
    const config = join(given('APPDATA', 'AppData', 'Roaming'), NAME);
    return { home: '', config, state: join(local, 'state'), cache: join(local, 'cache') };
  }
  if (platform === 'darwin') {
    const config = join(homedir, 'Library', 'Application Support', NAME);
    return {
      home: '',
      config,
      state: join(config, 'state'),
      cache: join(homedir, 'Library', 'Caches', NAME),
    };
  }
  return {
    home: '',
    config: join(given('XDG_CONFIG_HOME', '.config'), NAME),
    state: join(given('XDG_STATE_HOME', '.local', 'state'), NAME),
    cache: join(given('XDG_CACHE_HOME', '.cache'), NAME),
  };
}

function pathsOf(platform: NodeJS.Platform): typeof posix {
  return platform === 'win32' ? win32 : posix;
}
