import type { Ajv } from 'ajv';
import type { Logger } from '../log.ts';
import { isObject, type JsonObject, type JsonValue } from '../rpc/message.ts';
import { isPlainSchema } from './plain-schema.ts';

/** A tool that is not shown, and why. */
export interface LeftOutTool {
  tool: string;
  reason: string;
}

/** Tools parted by whether their schemas can be used. */
export interface CheckedTools {
  usable: JsonObject[];
  leftOut: LeftOutTool[];
}

/**
 * Parts the tools whose schemas are what the specification ("Tools") demands, objects in valid JSON
 * Schema, from those whose are not: one of these spoils the whole list for a strict client.
 */
export type CheckTools = (tools: JsonObject[]) => Promise<CheckedTools>;

/** Why a schema is not valid JSON Schema; undefined when it is, or its dialect is not known here. */
type SchemaProblem = (schema: JsonObject) => string | undefined;

const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;
const DRAFT_2020 = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;

/** A check that loads its validator, which takes long, when the first tool comes that is not plain. */
export function createToolCheck(): CheckTools {
  let loading: Promise<SchemaProblem> | undefined;
  const problemOf = async (tool: JsonObject) => {
    loading ??= loadSchemaCheck();
    return toolProblem(tool, await loading);
  };
  return async (tools) => {
    const checked: CheckedTools = { usable: [], leftOut: [] };
    for (const tool of tools) {
      const reason = isPlainTool(tool) ? undefined : await problemOf(tool);
      if (reason === undefined) checked.usable.push(tool);
      else checked.leftOut.push({ tool: String(tool['name']), reason });
    }
    return checked;
  };
}

/** A check for the tools of a server that keeps the usable ones and tells the log of the others. */
export function createToolSieve(
  log: Logger,
): (server: string, tools: JsonObject[]) => Promise<JsonObject[]> {
  const check = createToolCheck();
  return async (server, tools) => {
    const { usable, leftOut } = await check(tools);
    for (const { tool, reason } of leftOut) {
      log.warn(`tool "${tool}" of server "${server}" is left out: ${reason}`);
    }
    return usable;
  };
}

function isPlainTool({ inputSchema, outputSchema }: JsonObject): boolean {
  return isPlainPart(inputSchema) && (outputSchema === undefined || isPlainPart(outputSchema));
}

function isPlainPart(schema: JsonValue | undefined): boolean {
  return isObject(schema) && schema['type'] === 'object' && isPlainSchema(schema);
}

/** What `ajv` offers of itself. */
type Checker = Pick<Ajv, 'validateSchema' | 'errors' | 'errorsText'>;

async function loadSchemaCheck(): Promise<SchemaProblem> {
  const [{ Ajv }, { Ajv2020 }] = await Promise.all([import('ajv'), import('ajv/dist/2020.js')]);
  const options = { strict: false, logger: false, validateFormats: false } as const;
  const [draft7, draft2020] = [new Ajv(options), new Ajv2020(options)];
  return ({ $schema: dialect = '', ...schema }) => {
    if (typeof dialect !== 'string') return '$schema is not a string';
    if (dialect === '' || DRAFT_2020.test(dialect)) return checkWith(draft2020, schema);
    return DRAFT_07.test(dialect) ? checkWith(draft7, schema) : undefined;
  };
}

function checkWith(checker: Checker, schema: JsonObject): string | undefined {
  try {
    if (checker.validateSchema(schema)) return undefined;
    return checker.errorsText(checker.errors, { dataVar: '' });
  } catch (error) {
    // What the validator can't even look at, others can't, either.
    return String(error);
  }
}

function toolProblem(
  { inputSchema, outputSchema }: JsonObject,
  schemaProblem: SchemaProblem,
): string | undefined {
  const input = partProblem('inputSchema', inputSchema, schemaProblem);
  if (input !== undefined || outputSchema === undefined) return input;
  return partProblem('outputSchema', outputSchema, schemaProblem);
}

function partProblem(
  name: string,
  schema: JsonValue | undefined,
  schemaProblem: SchemaProblem,
): string | undefined {
  if (!isObject(schema)) return `its ${name} is not an object`;
  if (schema['type'] !== 'object') return `its ${name} is not of type "object"`;
  const problem = schemaProblem(schema);
  return problem && `its ${name} is not valid JSON Schema: ${problem}`;
}
