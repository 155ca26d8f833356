import { createRequire } from 'node:module';
import { sep } from 'node:path';
import { expect, it } from 'vitest';
import { createToolCheck } from '../../../src/backend/tool-schemas.ts';

/** Whether anything in this process has imported Ajv, which is CommonJS: that is kept here. */
function isAjvLoaded(): boolean {
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  return loaded.some((file) => file.includes(`${sep}ajv${sep}`));
}

const PLAIN = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
const ODD = { type: 'object', properties: { a: { foo: 1 } } };

// In a file of its own: the other tests of this module load Ajv.
it('loads Ajv for the first schema that is not plain', async () => {
  const check = createToolCheck();
  const tools = [
    { name: 'a', inputSchema: PLAIN },
    { name: 'b', inputSchema: { type: 'object' }, outputSchema: PLAIN },
    { name: 'c', inputSchema: { ...PLAIN, $schema: 'http://json-schema.org/draft-07/schema#' } },
  ];
  expect((await check([])).usable).toEqual([]);
  expect((await check(tools)).usable).toEqual(tools);
  expect(isAjvLoaded()).toBe(false);

  const odd = [...tools, { name: 'd', inputSchema: PLAIN, outputSchema: ODD }];
  expect((await check(odd)).usable).toEqual(odd);
  expect(isAjvLoaded()).toBe(true);
});
