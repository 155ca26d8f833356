import type { Method } from '../services.ts';
import { listMethod } from './lists.ts';
import { setLogLevel } from './logging.ts';
import { complete, getPrompt } from './prompts.ts';
import { readResource, subscribe, unsubscribe } from './resources.ts';
import { forTask, listTasks } from './tasks.ts';
import { callTool } from './tools.ts';

/** What a client may ask for after `initialize`. A method that is not here is refused. */
export const METHODS: Readonly<Record<string, Method>> = {
  'completion/complete': complete,
  'logging/setLevel': setLogLevel,
  'prompts/get': getPrompt,
  'prompts/list': listMethod('prompts'),
  'resources/list': listMethod('resources'),
  'resources/read': readResource,
  'resources/subscribe': subscribe,
  'resources/templates/list': listMethod('resourceTemplates'),
  'resources/unsubscribe': unsubscribe,
  'tasks/cancel': forTask,
  'tasks/get': forTask,
  'tasks/list': listTasks,
  'tasks/result': forTask,
  'tools/call': callTool,
  'tools/list': listMethod('tools'),
};
