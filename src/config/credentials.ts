import type { Path } from './source.ts';

const CREDENTIAL_NAME =
  /authorization|auth(?![a-z])|cookie|key|token|secret|password|passwd|passphrase|signature|credential|bearer|(?<![a-z])(?:pat|pwd)(?![a-z])/i;

/** Keys of `auth_config` whose value is a secret. */
const SECRET_SETTINGS: readonly (string | number | undefined)[] = ['client_secret', 'private_key'];

/** Whether a header or variable of this name most likely holds a credential. */
export function isCredentialName(name: string): boolean {
  return CREDENTIAL_NAME.test(name);
}

/** What may stand at a place of an entry. Paths have the keys of the normal form. */
export interface Place {
  /** Its value is a credential: never shown, never empty. */
  credential: boolean;
  /** It may be a stored secret (`keyring:NAME`). */
  storable: boolean;
}

/** What may stand at a path of a server's entry, such as `headers`, `X-Team`. */
export function placeOf([block, key, name]: Path): Place {
  switch (block) {
    case 'headers':
    case 'env':
      return { credential: isCredentialName(String(key)), storable: true };
    case 'api_key':
      return { credential: key === 'key', storable: key === 'key' };
    case 'auth_config': {
      const secret = SECRET_SETTINGS.includes(key);
      const extra = key === 'extra_params' && isCredentialName(String(name));
      return { credential: secret || extra, storable: secret || key === 'client_id' };
    }
    default:
      return { credential: false, storable: false };
  }
}

/**
 * Every form of a credential that must not be shown: the value itself and, for `Authorization`, what
 * stands after the scheme.
 */
export function secretForms(name: string | number | undefined, value: string): string[] {
  if (String(name).toLowerCase() !== 'authorization') return [value];
  const [, rest] = /^\S+\s+(.+)$/s.exec(value) ?? [];
  return rest === undefined ? [value] : [value, rest];
}

/** The credentials in a URL's query, by the names of their parameters. */
export function queryCredentials(text: string): [string, string][] {
  if (!text.includes('?')) return [];
  const query = text.split('#')[0]?.split('?').slice(1).join('?') ?? '';
  return [...new URLSearchParams(query)].filter(
    ([name, value]) => value !== '' && isCredentialName(name),
  );
}

/** The credentials among the arguments of a program, by the names of the options before them. */
export function argumentCredentials(args: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    const [, name = '', value] = /^--?([\w-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    if (!isCredentialName(name)) return [];
    const given = value ?? args[at + 1] ?? '';
    return given.startsWith('-') || !looksLikeSecret(given) ? [] : [given];
  });
}

/** Switches and counts are not secrets, although their names (`MAX_TOKENS`) sound like it. */
export function looksLikeSecret(value: string): boolean {
  return value !== '' && !/^(\d{1,8}|true|false)$/i.test(value);
}
