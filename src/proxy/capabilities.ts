import { isObject, type JsonObject } from '../rpc/message.ts';

/** What every session has: which server brings what is not known yet, and an empty list is an answer. */
const ALWAYS: JsonObject = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
};

/** What is declared only when a server is known to have it: a client may change its ways for these. */
const WHEN_KNOWN = ['tasks', 'extensions', 'experimental'] as const;

/** The capabilities of the joined server, given the last known ones of the servers behind it. */
export function joinCapabilities(servers: JsonObject[]): JsonObject {
  const joined = { ...ALWAYS };
  for (const key of WHEN_KNOWN) {
    const known = servers.map((capabilities) => capabilities[key]).filter(isObject);
    if (known.length > 0) joined[key] = known.reduce(merge);
  }
  return joined;
}

function merge(one: JsonObject, other: JsonObject): JsonObject {
  // A map, since a server may call a member `__proto__`.
  const merged = new Map(Object.entries(one));
  for (const [key, value] of Object.entries(other)) {
    const before = merged.get(key);
    merged.set(key, isObject(before) && isObject(value) ? merge(before, value) : value);
  }
  return Object.fromEntries(merged);
}
