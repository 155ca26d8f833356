import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Absolute path of the program that users start. */
export const BIN = fileURLToPath(new URL('../../../../bin/mcp-master.js', import.meta.url));

/** The name of the suite's server in the configuration. */
export const SERVER = 'conformance';

/** What the suite expects as the client's id where it offers Client ID Metadata Documents. */
const CLIENT_METADATA_URL = 'https://conformance-test.local/client-metadata.json';

/** 32 bytes: a key that needs no slow derivation. */
const ENCRYPTION_KEY = '0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0';

/** What is left of the user's own environment. */
const KEPT = ['PATH', 'SystemRoot', 'SYSTEMROOT', 'TEMP', 'TMP', 'TMPDIR', 'PATHEXT', 'COMSPEC'];

/**
 * A home with a configuration for the server at `url`, and the environment that everything in it is run
 * with. `context` is what the suite says about the client: its id, secret or key.
 */
export async function createHome(url, scenario, context) {
  const path = await mkdtemp(join(tmpdir(), 'mcp-master-conformance-'));
  const config = { servers: { [SERVER]: { url, ...authentication(scenario, context) } } };
  await writeFile(join(path, 'config.json'), JSON.stringify(config, null, 2), { mode: 0o600 });
  const kept = Object.fromEntries(KEPT.map((name) => [name, process.env[name]]));
  const variables = {
    ...kept,
    // Where `npm run coverage` counts what the program does.
    NODE_V8_COVERAGE: process.env.BUILT_COVERAGE,
    ...{ HOME: path, USERPROFILE: path, MCP_MASTER_HOME: path },
    OAUTH_ENCRYPTION_KEY: ENCRYPTION_KEY,
    ...{ CLIENT_SECRET: context.client_secret, CLIENT_KEY: context.private_key_pem },
  };
  const env = Object.fromEntries(Object.entries(variables).filter(([, value]) => value));
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  return { path, env, remove };
}

/** What a user writes who has been given a client; nobody else has to say that there is a login. */
function authentication(scenario, { client_id, client_secret, private_key_pem }) {
  const auth_config = {
    ...(scenario.includes('cimd') && { client_metadata_url: CLIENT_METADATA_URL }),
    ...(scenario.includes('client-credentials') && { grant: 'client_credentials' }),
    ...(client_id && { client_id }),
    ...(client_secret && { client_secret: 'env:CLIENT_SECRET' }),
    ...(private_key_pem && { private_key: 'env:CLIENT_KEY' }),
  };
  const isNeeded = Object.keys(auth_config).length > 0;
  return isNeeded ? { auth_strategy: 'delegate_oauth', auth_config } : {};
}
