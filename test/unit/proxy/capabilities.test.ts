import { describe, expect, it } from 'vitest';
import { joinCapabilities } from '../../../src/proxy/capabilities.ts';
import { urisIn, viewOf } from '../../../src/proxy/mentions.ts';

const ALWAYS = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
};

describe('joinCapabilities', () => {
  it('declares the whole set when no server is known, and what servers bring when they are', () => {
    expect(joinCapabilities([])).toEqual(ALWAYS);
    expect(
      joinCapabilities([
        { tools: {}, tasks: { list: {}, requests: { tools: { call: {} } } } },
        { tasks: { cancel: {} }, extensions: { 'io.x/ui': { a: 1 } } },
        { extensions: { 'io.y/z': {} }, experimental: { __proto__x: {} } },
      ]),
    ).toEqual({
      ...ALWAYS,
      tasks: { list: {}, requests: { tools: { call: {} } }, cancel: {} },
      extensions: { 'io.x/ui': { a: 1 }, 'io.y/z': {} },
      experimental: { __proto__x: {} },
    });
  });
});

describe('what a result mentions', () => {
  it('is the URIs of links, embedded resources, messages and contents', () => {
    expect(
      urisIn({
        content: [
          { type: 'resource_link', uri: 'a:1' },
          { type: 'resource', resource: { uri: 'a:2' } },
          { type: 'text', text: 'a:x' },
          5,
        ],
        contents: [{ uri: 'a:3' }],
        messages: [
          { role: 'user', content: { type: 'resource', resource: { uri: 'a:4' } } },
          { role: 'user', content: [{ type: 'resource_link', uri: 'a:5' }] },
        ],
      }),
    ).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5']);
    expect(urisIn({ content: 'none' })).toEqual([]);
  });

  it('is the view of a tool', () => {
    expect(viewOf({ _meta: { ui: { resourceUri: 'ui://a' } } })).toBe('ui://a');
    expect(viewOf({ _meta: { 'ui/resourceUri': 'ui://b' } })).toBe('ui://b');
    expect(viewOf({ _meta: {} })).toBeUndefined();
    expect(viewOf({})).toBeUndefined();
  });
});
