import type { RemoteEndpoint, ServerConfig } from '../../src/config/config.ts';

/** A server's configuration with defaults for what a test does not care about. */
export function serverConfig(overrides: Partial<ServerConfig> = {}): ServerConfig {
  const name = overrides.name ?? 'alpha';
  return {
    name,
    enabled: true,
    prefix: name,
    endpoint: { kind: 'stdio', command: 'none', args: [], env: {}, cwd: undefined },
    timeout: 60,
    startupTimeout: 30,
    tools: { allow: undefined, deny: [], describe: {} },
    rateLimit: undefined,
    pin: 'warn',
    fingerprint: `fingerprint-of-${name}`,
    secretRefs: [],
    ...overrides,
  };
}

/** A remote endpoint with defaults. */
export function remoteEndpoint(overrides: Partial<RemoteEndpoint> = {}): RemoteEndpoint {
  return {
    kind: 'http',
    url: 'https://api.example.com/mcp',
    headers: {},
    auth: { strategy: 'detect' },
    sseReadTimeout: 300,
    ...overrides,
  };
}
