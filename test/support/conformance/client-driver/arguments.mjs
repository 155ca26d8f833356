/** What is passed for a property of each type. */
const VALUES = { string: 'text', number: 1.5, integer: 7, boolean: true, array: [], object: {} };

/**
 * Arguments that a tool accepts. One that asks for a schema gets that of its neighbour, as it came: the
 * suite has a tool that echoes it.
 */
export function argumentsFor({ name, inputSchema: { properties = {} } }, tools) {
  const neighbour = tools.find((tool) => tool.name !== name);
  return Object.fromEntries(
    Object.entries(properties).map(([key, { type }]) => [
      key,
      key === 'schema' ? neighbour?.inputSchema : VALUES[type],
    ]),
  );
}
