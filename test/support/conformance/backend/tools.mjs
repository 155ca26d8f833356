/** The tools of the conformance backend that ask nothing of the client. */
import { setTimeout as wait } from 'node:timers/promises';
import { askingTools } from './asking-tools.mjs';
import { audio, embedded, image, text } from './content.mjs';

/** The pause between the steps of a tool, in milliseconds. */
const PAUSE = 50;

/** How long `test_reconnection` takes: the bridge closes its stream meanwhile. */
const LONG_CALL = 300;

const NO_ARGUMENTS = { type: 'object', properties: {} };

/** Every keyword of JSON Schema 2020-12 that the suite looks for; nobody calls the tool. */
const RICH_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'postal',
      type: 'object',
      properties: { city: { type: 'string' }, street: { type: 'string' } },
    },
  },
  properties: {
    address: { $ref: '#/$defs/address' },
    fax: { type: 'string' },
    letter: { type: 'string' },
    via: { type: 'string', enum: ['fax', 'letter'] },
  },
  allOf: [{ anyOf: [{ required: ['fax'] }, { required: ['letter'] }] }],
  if: { properties: { via: { const: 'fax' } }, required: ['via'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { required: ['fax'] },
  else: { required: ['letter'] },
  additionalProperties: false,
};

const plain = (name, description, run, inputSchema = NO_ARGUMENTS) => ({
  definition: { name, description, inputSchema },
  run,
});

async function logInSteps(_args, { log }) {
  await log('Tool execution started');
  await wait(PAUSE);
  await log('Tool processing data');
  await wait(PAUSE);
  await log('Tool execution completed');
  return [text('Logged three times.')];
}

async function reportProgress(_args, { _meta, sendNotification }) {
  const progressToken = _meta?.progressToken;
  for (const progress of [0, 50, 100]) {
    if (progress > 0) await wait(PAUSE);
    if (progressToken === undefined) continue;
    const params = { progressToken, progress, total: 100 };
    await sendNotification({ method: 'notifications/progress', params });
  }
  return [text('Done in three steps.')];
}

/** Each with its member of `tools/list` and what it does: the content of its result. */
export const tools = [
  plain('test_simple_text', 'Returns text', () => [
    text('This is a simple text response for testing.'),
  ]),
  plain('test_image_content', 'Returns an image', () => [image()]),
  plain('test_audio_content', 'Returns audio', () => [audio()]),
  plain('test_embedded_resource', 'Returns a resource', () => [
    embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  ]),
  plain('test_multiple_content_types', 'Returns text, an image and a resource', () => [
    text('Multiple content types test:'),
    image(),
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ]),
  plain('test_tool_with_logging', 'Logs while it works', logInSteps),
  plain('test_tool_with_progress', 'Reports progress', reportProgress),
  plain('test_error_handling', 'Always fails', () => {
    throw new Error('This tool intentionally returns an error for testing');
  }),
  plain('test_reconnection', 'Takes a while', async () => {
    await wait(LONG_CALL);
    return [text('Still there.')];
  }),
  plain('json_schema_2020_12_tool', 'Has a rich schema', () => [text('Valid.')], RICH_SCHEMA),
  ...askingTools,
];
