import { McpMasterError } from '../errors.ts';
import type { Config, OAuthSettings, SecretRef, ServerConfig } from './config.ts';
import { headerValueProblem } from './headers.ts';

/** Reads a secret that the user has stored; undefined when there is none of that name. */
export type ReadSecret = (name: string) => Promise<string | undefined>;

/**
 * A copy of a server's configuration with each stored secret (`keyring:NAME`) filled in. Rejects with
 * `SECRET_MISSING` when one has not been stored, and with `CONFIG_INVALID` when one can't stand where
 * it is used. What `read` throws (a locked keychain) passes through. The values that were filled in
 * are for the caller to register with the log's redactor.
 */
export async function fillSecrets(server: ServerConfig, read: ReadSecret): Promise<ServerConfig> {
  return fill(server, server.secretRefs, read);
}

/** The same for the root's `master_oauth` settings; undefined when there are none. */
export async function fillMasterSecrets(
  { masterOauth, secretRefs }: Pick<Config, 'masterOauth' | 'secretRefs'>,
  read: ReadSecret,
): Promise<OAuthSettings | undefined> {
  if (!masterOauth) return undefined;
  return (await fill({ masterOauth }, secretRefs, read)).masterOauth;
}

async function fill<T extends object>(
  structure: T,
  refs: readonly SecretRef[],
  read: ReadSecret,
): Promise<T> {
  const copy = structuredClone(structure);
  for (const ref of refs) {
    const value = await read(ref.name);
    if (!value && ref.optional) continue;
    if (value === undefined || value === '') throw missing(ref);
    if (isSentAsHeader(ref)) checkHeader(ref, value);
    setAt(copy, ref.target, value);
  }
  return copy;
}

function isSentAsHeader({ target: [, block, key, setting] }: SecretRef): boolean {
  if (block === 'headers') return true;
  return block === 'auth' && (key === 'key' || setting === 'sourceToken');
}

function missing({ name, path }: SecretRef): McpMasterError {
  const message = `${path} needs the secret "${name}", which is not stored`;
  return new McpMasterError('SECRET_MISSING', message, {
    hint: `Store it: mcp-master secret set ${name}`,
  });
}

function checkHeader({ name, path }: SecretRef, value: string): void {
  const problem = headerValueProblem(value);
  if (problem === undefined) return;
  const message = `${path} can't use the secret "${name}": ${problem}`;
  throw new McpMasterError('CONFIG_INVALID', message, {
    hint: `Store a value that can be sent as a header: mcp-master secret set ${name}`,
  });
}

function setAt(structure: object, target: readonly string[], value: string): void {
  let node: object = structure;
  for (const key of target.slice(0, -1)) {
    const next: unknown = Object.getOwnPropertyDescriptor(node, key)?.value;
    if (typeof next !== 'object' || next === null) return;
    node = next;
  }
  const last = target.at(-1);
  if (last !== undefined) {
    Object.defineProperty(node, last, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}
