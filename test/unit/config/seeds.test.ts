import { describe, expect, it } from 'vitest';
import type { RemoteEndpoint, ServerConfig } from '../../../src/config/config.ts';
import { checkSeed, configOf, lines } from './support.ts';

const ENV = {
  OPENAI_API_KEY: 'sk-from-env',
  CUSTOM_API_KEY: 'custom-from-env',
  API_TOKEN: 'api-from-env',
  GITHUB_TOKEN: 'gh-from-env',
  AWS_SIGNATURE: 'Signature=aws-from-env',
  AWS_SESSION_TOKEN: 'session-from-env',
  TIMESTAMP: '20240115T103000Z',
  GCP_ACCESS_TOKEN: 'gcp-from-env',
};

const HTTP: Omit<RemoteEndpoint, 'url'> = {
  kind: 'http',
  headers: {},
  auth: { strategy: 'detect' },
  sseReadTimeout: 300,
};

function server(
  name: string,
  endpoint: ServerConfig['endpoint'],
  rest: Partial<ServerConfig> = {},
) {
  return {
    name,
    enabled: true,
    prefix: name,
    endpoint,
    timeout: 60,
    startupTimeout: 30,
    tools: { allow: undefined, deny: [], describe: {} },
    rateLimit: undefined,
    pin: 'warn',
    fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    secretRefs: [],
    ...rest,
  };
}

const literal = (line: number, path: string, name: string, label: string) =>
  `warning CONFIG_INVALID ${line} ${path}: server ${name}: ${label}: a secret stands in the file itself`;

const leftOut = (line: number, name: string, header: string) =>
  `warning CONFIG_INVALID ${line} ${name}.headers.${header}: server ${name}: headers.${header}: left out: the transport sets this header itself`;

/** File -> the one server it becomes, and the warnings. */
const LOADED: [string, ReturnType<typeof server>, string[]][] = [
  [
    '002-basic-oauth.json',
    server('github-server', {
      ...HTTP,
      url: 'https://api.github.com/mcp',
      auth: {
        strategy: 'delegate_oauth',
        oauth: { clientId: 'your-client-id', scopes: ['repo', 'user'] },
      },
    }),
    [],
  ],
  [
    '003-oauth.json',
    server('oauth-server', {
      ...HTTP,
      url: 'https://api.example.com/mcp',
      auth: { strategy: 'delegate_oauth', oauth: {} },
    }),
    [],
  ],
  [
    '003-bearer-token.json',
    server('api-server', {
      ...HTTP,
      url: 'https://api.example.com/mcp',
      headers: { Authorization: 'Bearer your-token-here' },
      auth: { strategy: 'headers' },
    }),
    [literal(6, 'api-server.headers.Authorization', 'api-server', 'headers.Authorization')],
  ],
  [
    '003-custom-headers.json',
    server('custom-server', {
      ...HTTP,
      url: 'https://internal.api.com/mcp',
      headers: {
        'X-API-Key': 'your-api-key',
        'X-Client-ID': 'mcpomni-connect',
        'X-Service-Version': 'v1',
      },
      auth: { strategy: 'headers' },
    }),
    [literal(6, 'custom-server.headers.X-API-Key', 'custom-server', 'headers.X-API-Key')],
  ],
  [
    '003-sse.json',
    server('sse-server', {
      kind: 'sse',
      url: 'https://stream.api.com/sse',
      headers: { Authorization: 'Bearer sse-token-123', 'X-Stream-Type': 'mcp-events' },
      auth: { strategy: 'headers' },
      sseReadTimeout: 120,
    }),
    [literal(6, 'sse-server.headers.Authorization', 'sse-server', 'headers.Authorization')],
  ],
  [
    '003-stdio.json',
    server('local-server', {
      kind: 'stdio',
      command: 'uvx',
      args: ['mcp-server-filesystem', '/tmp'],
      env: {},
      cwd: undefined,
    }),
    [],
  ],
  ['003-public.json', server('public-server', { ...HTTP, url: 'http://localhost:8080/mcp' }), []],
  [
    '003-environment.json',
    server('api-server', {
      ...HTTP,
      url: 'https://api.example.com/mcp',
      headers: { Authorization: 'Bearer sk-from-env', 'X-Custom-Key': 'custom-from-env' },
      auth: { strategy: 'headers' },
    }),
    [],
  ],
  [
    '003-secure.json',
    server(
      'server',
      {
        ...HTTP,
        url: 'https://secure-api.example.com/mcp',
        headers: { Authorization: 'Bearer api-from-env' },
        auth: { strategy: 'headers' },
      },
      { timeout: 30 },
    ),
    [],
  ],
  [
    '003-insecure.json',
    server('server', {
      ...HTTP,
      url: 'http://api.example.com/mcp',
      headers: { Authorization: 'Bearer hardcoded-token-123' },
      auth: { strategy: 'headers' },
    }),
    [
      'warning INSECURE_URL 4 server.url: server server: url: requests cross the network without encryption',
      literal(6, 'server.headers.Authorization', 'server', 'headers.Authorization'),
    ],
  ],
  [
    '003-github.json',
    server('github', {
      ...HTTP,
      url: 'https://api.github.com/mcp',
      headers: { Authorization: 'Bearer gh-from-env', 'User-Agent': 'MCPOmni-Connect' },
      auth: { strategy: 'headers' },
    }),
    [leftOut(7, 'github', 'Accept')],
  ],
  [
    '003-aws.json',
    server('aws-service', {
      ...HTTP,
      url: 'https://service.us-east-1.amazonaws.com/mcp',
      headers: {
        Authorization: 'AWS4-HMAC-SHA256 Signature=aws-from-env',
        'X-Amz-Date': '20240115T103000Z',
        'X-Amz-Security-Token': 'session-from-env',
      },
      auth: { strategy: 'headers' },
    }),
    [],
  ],
  [
    '003-gcp.json',
    server('gcp-service', {
      ...HTTP,
      url: 'https://service.googleapis.com/mcp',
      headers: { Authorization: 'Bearer gcp-from-env' },
      auth: { strategy: 'headers' },
    }),
    [leftOut(7, 'gcp-service', 'Content-Type')],
  ],
];

describe('the examples of the source documents', () => {
  it.each(LOADED)('%s loads', async (name, expected, warned) => {
    const result = await checkSeed(name, { env: ENV });
    const { servers, rejected } = configOf(result);
    expect(servers).toStrictEqual([expected]);
    expect(rejected).toStrictEqual([]);
    expect(lines(result.problems)).toStrictEqual(warned);
  });

  it.each([
    ['002-advanced-fragment.json', 'oauth'],
    ['002-resource-fragment.json', 'oauth'],
    ['003-fragment-api-key.json', 'headers'],
    ['003-fragment-jwt.json', 'headers'],
    ['003-fragment-custom-token.json', 'headers'],
    ['003-fragment-key-and-secret.json', 'headers'],
    ['003-fragment-custom-authorization.json', 'headers'],
    ['003-fragment-certificate.json', 'headers'],
  ])('%s is refused as a fragment of an entry', async (name, key) => {
    const result = await checkSeed(name);
    expect(result.config).toBeUndefined();
    expect(lines(result.problems)).toStrictEqual([
      `error CONFIG_INVALID 2 ${key}: "${key}" belongs inside a server's entry`,
    ]);
    expect(result.problems[0]?.hint).toContain(`url: https://…, ${key}: …`);
  });

  it.each([
    ['003-environment.json', 'api-server', 'Authorization', 'OPENAI_API_KEY', 6],
    ['003-environment.json', 'api-server', 'X-Custom-Key', 'CUSTOM_API_KEY', 7],
    ['003-secure.json', 'server', 'Authorization', 'API_TOKEN', 6],
    ['003-github.json', 'github', 'Authorization', 'GITHUB_TOKEN', 6],
    ['003-aws.json', 'aws-service', 'X-Amz-Security-Token', 'AWS_SESSION_TOKEN', 8],
    ['003-gcp.json', 'gcp-service', 'Authorization', 'GCP_ACCESS_TOKEN', 6],
  ])('%s fails without its variable %4$s', async (name, owner, header, variable, line) => {
    const env = Object.fromEntries(Object.entries(ENV).filter(([key]) => key !== variable));
    const result = await checkSeed(name, { env });
    const { servers, rejected } = configOf(result);
    expect(servers).toStrictEqual([]);
    expect(rejected.map((entry) => entry.name)).toStrictEqual([owner]);
    expect(lines(result.problems.filter(({ level }) => level === 'error'))).toStrictEqual([
      `error VARIABLE_UNSET ${line} ${owner}.headers.${header}: server ${owner}: headers.${header}: the variable ${variable} is not set`,
    ]);
  });
});
