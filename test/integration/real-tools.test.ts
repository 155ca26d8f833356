import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isPlainSchema } from '../../src/backend/plain-schema.ts';
import { isObject } from '../../src/rpc/message.ts';
import { createTempFolder, strippedEnv } from '../support/bin.ts';
import { RecordingClient } from '../support/recording-client.ts';

const require = createRequire(import.meta.url);

/** What a reference server of the specification lists, asked as its package is run. */
async function toolsOf(name: string) {
  const folder = await createTempFolder();
  onTestFinished(() => folder.remove());
  const file = require.resolve(`@modelcontextprotocol/server-${name}/package.json`);
  const program = join(dirname(file), 'dist', 'index.js');
  const client = new RecordingClient({
    command: process.execPath,
    args: [program, ...(name === 'filesystem' ? [folder.path] : [])],
    env: { ...strippedEnv(folder.path), MEMORY_FILE_PATH: join(folder.path, 'memory.jsonl') },
  });
  onTestFinished(async () => void (await client.close()));
  await client.initialize();
  return client.listTools();
}

describe('isPlainSchema', () => {
  it.each(['everything', 'filesystem', 'memory'])('takes all tools of %s', async (name) => {
    const tools = await toolsOf(name);
    expect(tools.length).toBeGreaterThan(5);
    const schemas = tools.flatMap(({ inputSchema, outputSchema }) =>
      outputSchema === undefined ? [inputSchema] : [inputSchema, outputSchema],
    );
    expect(schemas.filter((schema) => !isObject(schema) || !isPlainSchema(schema))).toEqual([]);
  });
});
