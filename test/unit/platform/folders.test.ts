import { describe, expect, it } from 'vitest';
import { findFolders } from '../../../src/platform/folders.ts';

const LINUX = { env: {}, platform: 'linux', homedir: '/home/u', profile: undefined } as const;

describe('findFolders', () => {
  it.each([
    [
      'Linux',
      LINUX,
      {
        config: '/home/u/.config/mcp-master',
        state: '/home/u/.local/state/mcp-master',
        cache: '/home/u/.cache/mcp-master',
      },
    ],
    [
      'XDG folders',
      {
        ...LINUX,
        env: { XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s', XDG_CACHE_HOME: 'relative' },
      },
      { config: '/c/mcp-master', state: '/s/mcp-master', cache: '/home/u/.cache/mcp-master' },
    ],
    [
      'macOS',
      { ...LINUX, platform: 'darwin', homedir: '/Users/u' },
      {
        config: '/Users/u/Library/Application Support/mcp-master',
        state: '/Users/u/Library/Application Support/mcp-master/state',
        cache: '/Users/u/Library/Caches/mcp-master',
      },
    ],
    [
      'Windows',
      { ...LINUX, platform: 'win32', homedir: 'C:\\Users\\u', env: { APPDATA: 'D:\\Roaming' } },
      {
        config: 'D:\\Roaming\\mcp-master',
        state: 'C:\\Users\\u\\AppData\\Local\\mcp-master\\state',
        cache: 'C:\\Users\\u\\AppData\\Local\\mcp-master\\cache',
      },
    ],
    [
      'MCP_MASTER_HOME',
      { ...LINUX, env: { MCP_MASTER_HOME: '/m', XDG_CONFIG_HOME: '/c' } },
      { home: '/m', config: '/m', state: '/m/state', cache: '/m/cache' },
    ],
    [
      'a profile',
      { ...LINUX, profile: 'work', env: { MCP_MASTER_HOME: '/m', MCP_MASTER_PROFILE: 'other' } },
      {
        profile: 'work',
        home: '/m',
        config: '/m/profiles/work',
        state: '/m/state/profiles/work',
        cache: '/m/cache/profiles/work',
      },
    ],
    [
      'MCP_MASTER_PROFILE',
      { ...LINUX, env: { MCP_MASTER_HOME: '/m', MCP_MASTER_PROFILE: 'p1' } },
      {
        profile: 'p1',
        home: '/m',
        config: '/m/profiles/p1',
        state: '/m/state/profiles/p1',
        cache: '/m/cache/profiles/p1',
      },
    ],
  ] as const)('finds them by %s', (_, request, folders) => {
    expect(findFolders(request)).toEqual({ profile: '', home: '', ...folders });
  });

  it.each(['../x', 'a/b', '-x', 'ü', 'x'.repeat(33)])('refuses the profile %s', (profile) => {
    expect(() => findFolders({ ...LINUX, profile })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
