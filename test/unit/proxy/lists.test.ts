import { expect, it } from 'vitest';
import { listMethod } from '../../../src/proxy/methods/lists.ts';
import type { Services } from '../../../src/proxy/services.ts';
import type { IncomingRequest } from '../../../src/rpc/incoming-request.ts';
import type { JsonObject, Reply } from '../../../src/rpc/message.ts';

/** What `tools/list` or `prompts/list` answers, for joined lists and tools of our own that may change. */
function createLists() {
  const lists: { tools: JsonObject[]; prompts: JsonObject[]; own: JsonObject[] } = {
    ...{ tools: [], prompts: [], own: [] },
  };
  const router = { tools: () => lists.tools, prompts: () => lists.prompts };
  const pool = { isListable: () => true, retryFailed: () => undefined, router };
  const builtins = {
    get items() {
      return lists.own;
    },
  };
  // The parts of the services that a list needs.
  const services = { pool, builtins, noteListed: () => undefined } as unknown as Services;
  const ask = (kind: 'tools' | 'prompts') => {
    const replies: Reply[] = [];
    const request = { params: {}, reply: (reply: Reply) => void replies.push(reply) };
    listMethod(kind)(request as unknown as IncomingRequest, services);
    const [reply] = replies;
    if (reply === undefined || !('result' in reply)) throw new Error('no result');
    return reply.result;
  };
  return { lists, ask };
}

it('answers with the same object as long as the list is the same, and with another one after that', () => {
  const { lists, ask } = createLists();
  const [a, b, login] = ['a', 'b', 'login'].map((name) => ({ name }));
  lists.tools = [a ?? {}];
  const first = ask('tools');
  expect(first).toEqual({ tools: [a] });
  expect(ask('tools')).toBe(first);
  lists.own = [login ?? {}];
  const second = ask('tools');
  expect(second).toEqual({ tools: [login, a] });
  // Our own tools are made anew each time.
  lists.own = [{ name: 'login' }];
  expect(ask('tools')).toBe(second);
  lists.own = [{ name: 'login', title: 'Log in' }];
  expect(ask('tools')).not.toBe(second);
  lists.own = [];
  lists.tools = [a ?? {}, b ?? {}];
  expect(ask('tools')).toEqual({ tools: [a, b] });
});

it('never takes one kind of list for another', () => {
  const { lists, ask } = createLists();
  lists.prompts = lists.tools;
  expect(ask('tools')).toEqual({ tools: [] });
  expect(ask('prompts')).toEqual({ prompts: [] });
});
