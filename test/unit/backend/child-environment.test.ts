import { describe, expect, it } from 'vitest';
import { childEnvironment } from '../../../src/backend/child-environment.ts';

const LINUX = { platform: 'linux', commandFolders: [] } as const;

describe('childEnvironment', () => {
  it('hands on what is safe, the way out of a company, and nothing else', () => {
    const env = {
      HOME: '/home/u',
      PATH: '/bin',
      USER: 'u',
      HTTPS_PROXY: 'http://proxy:1',
      no_proxy: 'localhost',
      NODE_EXTRA_CA_CERTS: '/ca.pem',
      AWS_SECRET_ACCESS_KEY: 'secret',
      OAUTH_ENCRYPTION_KEY: 'secret',
      MCP_MASTER_TOKEN: 'secret',
      NODE_OPTIONS: '--inspect',
    };
    expect(childEnvironment({}, { ...LINUX, env, commandFolders: [] })).toEqual({
      HOME: '/home/u',
      PATH: '/bin',
      USER: 'u',
      HTTPS_PROXY: 'http://proxy:1',
      no_proxy: 'localhost',
      NODE_EXTRA_CA_CERTS: '/ca.pem',
    });
  });

  it('gives an entry the last word', () => {
    const env = { PATH: '/bin', HOME: '/home/u' };
    const own = { PATH: '/only', MCP_MASTER_TOKEN: 'given on purpose' };
    expect(childEnvironment(own, { ...LINUX, env, commandFolders: [] })).toEqual({
      HOME: '/home/u',
      ...own,
    });
  });

  it('adds the folders of commands that a stripped PATH lacks, each once, at the end', () => {
    const surroundings = {
      ...LINUX,
      env: { PATH: '/bin:/usr/bin' },
      commandFolders: ['/opt/node/bin', '/usr/bin'],
    };
    expect(childEnvironment({}, surroundings)['PATH']).toBe('/bin:/usr/bin:/opt/node/bin');
    expect(childEnvironment({}, { ...surroundings, env: {} })['PATH']).toBe(
      '/opt/node/bin:/usr/bin',
    );
  });

  it('spells the names as Windows does', () => {
    const env = { Path: 'C:\\bin', SystemRoot: 'C:\\Windows', LOGNAME: 'not on Windows' };
    expect(childEnvironment({}, { platform: 'win32', env, commandFolders: [] })).toEqual({
      Path: 'C:\\bin',
      SystemRoot: 'C:\\Windows',
    });
  });
});
