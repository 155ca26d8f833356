import { isObject, type JsonObject, type JsonValue } from '../rpc/message.ts';

/**
 * The URIs that a result refers to: in its content, messages and resource contents. Not deeper: that
 * is where the specification lets resources stand.
 */
export function urisIn(result: JsonObject): string[] {
  const { content, contents, messages } = result;
  const blocks = [...listOf(content), ...listOf(contents), ...listOf(messages)];
  return blocks.flatMap(urisOfBlock);
}

/** The view that a tool's definition names (MCP Apps), in either of its forms. */
export function viewOf({ _meta: meta }: JsonObject): string | undefined {
  if (!isObject(meta)) return undefined;
  const { ui } = meta;
  const uri = isObject(ui) ? ui['resourceUri'] : meta['ui/resourceUri'];
  return typeof uri === 'string' ? uri : undefined;
}

function urisOfBlock(block: JsonObject): string[] {
  const { uri, resource, content } = block;
  const inner = isObject(content) ? urisOfBlock(content) : listOf(content).flatMap(urisOfBlock);
  const embedded = isObject(resource) ? resource['uri'] : undefined;
  return [uri, embedded, ...inner].filter((found) => typeof found === 'string');
}

function listOf(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
