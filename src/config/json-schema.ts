import {
  type ConversionConfig,
  type JsonSchema as ConvertedSchema,
  toJsonSchema,
} from '@valibot/to-json-schema';
import { BLOCKS, ENTRY_KEYS, type KeySet, OAUTH_KEYS } from './keys.ts';
import { oauthSchema, serverSchema, serveSchema, tokensSchema } from './schema.ts';
import type { Block } from './schema-blocks.ts';

/** A JSON Schema, or a part of one. */
export interface JsonSchema {
  [keyword: string]: unknown;
}

/** Further checks, and those of converted values, have no place in JSON Schema: they are left out. */
const CONVERSION: ConversionConfig = {
  errorMode: 'ignore',
  ignoreActions: ['values'],
  overrideSchema({ valibotSchema: { type }, jsonSchema }) {
    if (type === 'map') return TEXTS;
    if (type === 'object') return { type, properties: jsonSchema.properties };
    return type === 'union' ? withTypes(jsonSchema.anyOf) : undefined;
  },
};

const TEXTS: ConvertedSchema = {
  type: 'object',
  propertyNames: { type: 'string' },
  additionalProperties: { type: ['string', 'number', 'boolean'] },
};

const NO_ALIASES: KeySet = { known: [], aliases: {} };

/**
 * The JSON Schema (draft 7, which editors know best) of a configuration file in any of its shapes. It
 * describes every accepted key and refuses none: other programs' keys are no errors.
 */
export function configJsonSchema(): JsonSchema {
  const servers = {
    description: 'The servers: a list of entries with an `id`, or a map by name.',
    anyOf: [
      { type: 'array', items: { $ref: '#/definitions/server' } },
      { type: 'object', additionalProperties: { $ref: '#/definitions/server' } },
    ],
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'mcp-master configuration',
    description: 'Without `servers` or `mcpServers`, each other key of the root names a server.',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      servers,
      mcpServers: { ...servers, description: 'The same as `servers`.' },
      serve: describedObject(serveSchema, NO_ALIASES, 'How `mcp-master serve` behaves.'),
      tokens: describedObject(tokensSchema, NO_ALIASES, 'Where logins are kept.'),
      master_oauth: describedObject(
        oauthSchema,
        OAUTH_KEYS,
        'How the master itself logs in, for servers with the strategy `master_oauth`.',
      ),
    },
    definitions: { server: serverJsonSchema() },
  };
}

/** The keys of a block, in order, with their descriptions and the words that are allowed. */
export function describedKeys(
  schema: Block,
): { key: string; description: string; choices: string[] }[] {
  return Object.entries(propertiesOf(schema)).map(([key, { description, anyOf }]) => ({
    key,
    description: String(description),
    choices: Array.isArray(anyOf) ? anyOf.flatMap((item) => Object(item).enum ?? []) : [],
  }));
}

/** The other spellings of a key, camelCase apart. */
export function aliasesOf(key: string, { aliases }: KeySet): string[] {
  return Object.keys(aliases).filter((alias) => aliases[alias] === key);
}

function serverJsonSchema(): JsonSchema {
  const properties = propertiesOf(serverSchema);
  for (const [block, keys] of Object.entries(BLOCKS)) {
    const inner = properties[block];
    if (inner) inner['properties'] = withSpellings(Object(inner['properties']), keys);
  }
  const disabled = { type: ['boolean', 'string'], description: 'The opposite of `enabled`.' };
  return {
    type: 'object',
    description: 'A server: a `url`, or a `command`, or `type: local` with a port.',
    properties: { ...withSpellings(properties, ENTRY_KEYS), disabled },
  };
}

function describedObject(schema: Block, keys: KeySet, description: string): JsonSchema {
  return { type: 'object', description, properties: withSpellings(propertiesOf(schema), keys) };
}

function propertiesOf(schema: Block): Record<string, JsonSchema> {
  const { properties = {} } = toJsonSchema(schema.schema(), CONVERSION);
  return Object.fromEntries(
    Object.entries(properties).map(([key, property]) => [key, { ...Object(property) }]),
  );
}

/** Each property under its other names too, and under the camelCase form of each name. */
function withSpellings(
  properties: Record<string, JsonSchema>,
  keys: KeySet,
): Record<string, JsonSchema> {
  const all = { ...properties };
  for (const key of Object.keys(properties)) {
    for (const name of [key, ...aliasesOf(key, keys)]) {
      for (const spelling of [name, camelCase(name)]) {
        all[spelling] ??= { ...properties[key], description: `The same as \`${key}\`.` };
      }
    }
  }
  return all;
}

/** Alternatives that are nothing but types, as one list of them: editors show that in one line. */
function withTypes(alternatives: ConvertedSchema['anyOf'] = []): ConvertedSchema | undefined {
  const types = alternatives.flatMap((alternative) => {
    const { type = [], ...more }: ConvertedSchema = Object(alternative);
    return Object.keys(more).length === 0 ? type : [];
  });
  return types.length === alternatives.length ? { type: types } : undefined;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
