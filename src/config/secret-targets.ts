import type { Endpoint, OAuthSettings, SecretRef } from './config.ts';
import { formatPath } from './problems.ts';
import type { Section } from './section.ts';
import type { Path } from './source.ts';

/** The normal keys of settings that may be stored secrets -> their keys in {@link OAuthSettings}. */
const SETTINGS: Readonly<Record<string, keyof OAuthSettings>> = {
  client_id: 'clientId',
  client_secret: 'clientSecret',
  private_key: 'privateKey',
  token_source: 'sourceToken',
};

/** The stored secrets of an entry, as targets in its `ServerConfig`. */
export function secretTargets(section: Section, endpoint: Endpoint): SecretRef[] {
  return section.secretRefs.flatMap(({ path, name }) => {
    const target = targetOf(path, endpoint);
    const ref = { name, path: formatPath(section.place(path)) };
    // A source without a token is passed over.
    const optional = path[1] === 'token_source' && { optional: true };
    return target ? [{ target, ...ref, ...optional }] : [];
  });
}

/** The stored secrets of the root's `master_oauth` block, as targets in the `Config`. */
export function masterSecretTargets(section: Section): SecretRef[] {
  return section.secretRefs.map(({ path, name }) => ({
    target: ['masterOauth', settingOf(path)],
    name,
    path: formatPath(section.place(path)),
  }));
}

/** Undefined for a value that is not used: a header that was left out, `env` beside a url. */
function targetOf([block, key, ...rest]: Path, endpoint: Endpoint): string[] | undefined {
  const name = String(key);
  if (endpoint.kind === 'stdio') return block === 'env' ? ['endpoint', 'env', name] : undefined;
  if (block === 'headers') {
    return Object.hasOwn(endpoint.headers, name) ? ['endpoint', 'headers', name] : undefined;
  }
  if (block === 'api_key') return ['endpoint', 'auth', 'key'];
  if (block !== 'auth_config') return undefined;
  return ['endpoint', 'auth', 'oauth', settingOf([block, name, ...rest])];
}

function settingOf([, key]: Path): string {
  return SETTINGS[String(key)] ?? String(key);
}
