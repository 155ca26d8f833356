import type { JsonObject } from '../../rpc/message.ts';

/*
 * Members of foreign metadata, read leniently: servers send null and empty text for what they don't
 * have, and a member of a wrong type is as good as none.
 */

/** A text that is not empty. */
export function textIn(document: JsonObject, name: string): string | undefined {
  const value = document[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The texts of a list; what else it holds is left out. */
export function textsIn(document: JsonObject, name: string): string[] | undefined {
  const value = document[name];
  if (!Array.isArray(value)) return undefined;
  return value.filter((item) => typeof item === 'string').filter((item) => item !== '');
}

/** True or false. */
export function flagIn(document: JsonObject, name: string): boolean | undefined {
  const value = document[name];
  return typeof value === 'boolean' ? value : undefined;
}
