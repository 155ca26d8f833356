import { describe, expect, it } from 'vitest';
import { TaskRoutes } from '../../../src/proxy/task-routes.ts';

const RELATED = 'io.modelcontextprotocol/related-task';

describe('TaskRoutes', () => {
  it('leaves ids as they are, and knows whose they are', () => {
    const tasks = new TaskRoutes();
    const created = { task: { taskId: 'a', status: 'working', extra: 1 }, _meta: { x: 1 } };
    expect(tasks.outgoingRelated('one', created)).toBe(created);
    expect(tasks.get('a')).toEqual({ server: 'one', taskId: 'a' });
    expect(tasks.get('b')).toBeUndefined();
  });

  it('gives the second of two equal ids the name of its server, wherever it stands, both ways', () => {
    const tasks = new TaskRoutes();
    tasks.outgoing('one', { taskId: '1' });
    expect(tasks.outgoing('two', { taskId: '1', status: 'working' })).toEqual({
      taskId: 'two:1',
      status: 'working',
    });
    expect(tasks.outgoingRelated('two', { task: { taskId: '1' } })).toEqual({
      task: { taskId: 'two:1' },
    });
    expect(
      tasks.outgoingRelated('two', { content: [], _meta: { a: 1, [RELATED]: { taskId: '1' } } }),
    ).toEqual({
      content: [],
      _meta: { a: 1, [RELATED]: { taskId: 'two:1' } },
    });
    expect(tasks.outgoing('two', { tasks: [{ taskId: '1' }, 5] })).toEqual({
      tasks: [{ taskId: 'two:1' }, 5],
    });
    expect(tasks.outgoing('one', { taskId: '1' })).toEqual({ taskId: '1' });
    expect(tasks.get('two:1')).toEqual({ server: 'two', taskId: '1' });
    expect(tasks.incoming({ taskId: 'two:1' })).toEqual({ taskId: '1' });
  });

  it('takes nothing of an ordinary result for a task', () => {
    const tasks = new TaskRoutes();
    const result = { taskId: 'x', tasks: [{ taskId: 'y' }], structuredContent: { taskId: 'z' } };
    expect(tasks.outgoingRelated('one', result)).toBe(result);
    expect([tasks.get('x'), tasks.get('y'), tasks.get('z')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('shows a server the tasks that it started, and no others', () => {
    const tasks = new TaskRoutes();
    tasks.noteOwner('one', { task: { taskId: 'a' } });
    tasks.noteOwner('two', { task: { taskId: 'b' } });
    tasks.noteOwner('two', { model: 'no task' });
    const all = { tasks: [{ taskId: 'a' }, { taskId: 'b' }, { taskId: 'c' }], nextCursor: 'x' };
    expect(tasks.ownOnly('one', all)).toEqual({ tasks: [{ taskId: 'a' }], nextCursor: 'x' });
  });

  it('forgets the oldest of very many', () => {
    const tasks = new TaskRoutes();
    for (let at = 0; at <= 10_000; at += 1) tasks.outgoing('one', { taskId: `t${at}` });
    expect(tasks.get('t0')).toBeUndefined();
    expect(tasks.get('t10000')).toBeDefined();
  });
});
