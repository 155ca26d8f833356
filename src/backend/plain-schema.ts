import { isObject, type JsonObject, type JsonValue } from '../rpc/message.ts';

/** Deeper schemas are left to a validator, which has its own answer to what overflows the stack. */
const MAX_DEPTH = 64;
/** Up to this length a list is searched for duplicates faster than a set of it is made. */
const SHORT_LIST = 16;

/** Whether a keyword may have this value in a schema that is nested `depth` deep. */
type Check = (value: JsonValue | undefined, depth: number) => boolean;

/**
 * Whether a schema is valid under the meta-schemas of both draft-07 and 2020-12, formats not checked.
 * `false` says nothing: it is the answer for all that is rare or not certain, too. So a schema that
 * is plain needs no validator, whichever of the two dialects it is in.
 */
export function isPlainSchema(schema: JsonObject): boolean {
  return isSchema(schema, 0);
}

const isAnything: Check = () => true;
const isString: Check = (value) => typeof value === 'string';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isNumber: Check = (value) => Number.isFinite(value);
const isPositive: Check = (value) => typeof value === 'number' && isNumber(value, 0) && value > 0;
const isCount: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0;
const isList: Check = (value) => Array.isArray(value);
const isScalar: Check = (value) => typeof value !== 'object' || value === null;

const TYPES = new Set<unknown>([
  'array',
  'boolean',
  'integer',
  'null',
  'number',
  'object',
  'string',
]);
const isTypeName: Check = (value) => TYPES.has(value);
const isType: Check = (value) =>
  isTypeName(value, 0) || (isDistinct(value, isTypeName) && value.length > 0);
const isNames: Check = (value) => isDistinct(value, isString);
/** An `enum` may be empty or repeat itself in 2020-12 alone; objects would have to be compared in depth. */
const isEnum: Check = (value) => isDistinct(value, isScalar) && value.length > 0;
/** 2020-12 forbids fragments, but for an empty one. */
const isId: Check = (value) => typeof value === 'string' && !value.includes('#');

const isSchema: Check = (value, depth) => {
  if (typeof value === 'boolean') return true;
  if (!isObject(value) || depth > MAX_DEPTH) return false;
  for (const keyword in value) {
    const check = CHECKS.get(keyword);
    if (check === undefined ? !keyword.startsWith('x-') : !check(value[keyword], depth + 1)) {
      return false;
    }
  }
  return true;
};

const isSchemas: Check = (value, depth) => {
  if (!Array.isArray(value) || value.length === 0) return false;
  for (const item of value) if (!isSchema(item, depth)) return false;
  return true;
};

const isSchemaMap: Check = (value, depth) => {
  if (!isObject(value)) return false;
  for (const name in value) if (!isSchema(value[name], depth)) return false;
  return true;
};

const isNamesMap: Check = (value) => {
  if (!isObject(value)) return false;
  for (const name in value) if (!isNames(value[name], 0)) return false;
  return true;
};

/** A list without duplicates, each item of which passes. */
function isDistinct(value: JsonValue | undefined, check: Check): value is JsonValue[] {
  if (!Array.isArray(value) || !value.every(check)) return false;
  if (value.length > SHORT_LIST) return new Set(value).size === value.length;
  return value.every(isFirst);
}

function isFirst(item: JsonValue, index: number, list: JsonValue[]): boolean {
  return list.indexOf(item) === index;
}

/**
 * What both meta-schemas accept. A keyword of one alone has that one's rule, since the other accepts
 * anything where it knows no keyword. A Map, as a keyword may have the name of any object's member.
 */
const CHECKS: ReadonlyMap<string, Check> = new Map(
  (
    [
      [isAnything, 'const default'],
      // Known to neither: OpenAPI's, as generators of schemas leave them in.
      [isAnything, 'nullable discriminator example'],
      [isString, '$schema $ref $comment title description'],
      [isString, 'pattern format contentMediaType contentEncoding'],
      [isId, '$id'],
      [isBoolean, 'readOnly writeOnly deprecated uniqueItems'],
      [isNumber, 'minimum maximum exclusiveMinimum exclusiveMaximum'],
      [isPositive, 'multipleOf'],
      [isCount, 'minLength maxLength minItems maxItems minProperties maxProperties'],
      [isCount, 'minContains maxContains'],
      [isList, 'examples'],
      [isType, 'type'],
      [isNames, 'required'],
      [isEnum, 'enum'],
      [isSchema, 'items additionalItems unevaluatedItems contains contentSchema'],
      [isSchema, 'additionalProperties unevaluatedProperties propertyNames'],
      [isSchema, 'not if then else'],
      [isSchemas, 'allOf anyOf oneOf prefixItems'],
      [isSchemaMap, 'properties patternProperties $defs definitions dependentSchemas'],
      [isNamesMap, 'dependentRequired'],
    ] satisfies [Check, string][]
  ).flatMap(([check, keywords]) => keywords.split(' ').map((keyword) => [keyword, check] as const)),
);
