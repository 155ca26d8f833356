/**
 * One client's session with the recording backend, whatever the transport: plays the script's
 * scenes. `send(message, requestId)` is the transport's; requestId names the client's request that
 * the message belongs to, undefined where it belongs to none.
 */
import { setTimeout as wait } from 'node:timers/promises';

const PAGE_CURSOR = 'page:';

/** The member of each list's result that holds the items. */
const LISTS = {
  'tools/list': 'tools',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
  'tasks/list': 'tasks',
};
const ECHO = {
  name: 'echo',
  description: 'Gives the message back.',
  inputSchema: { type: 'object', properties: { message: { type: 'string' } } },
};

export function createPeer({ script, recorder, send, sendRaw }) {
  const state = {
    script,
    recorder,
    send,
    sendRaw,
    lists: { 'tools/list': script.tools ?? [ECHO], ...script.lists },
    running: new Map(),
    awaiting: new Map(),
    played: new Map(),
    nextId: 1,
  };
  return {
    /** Takes a message of the client; resolves when nothing more will be sent because of it. */
    async receive(message) {
      if (message.method === undefined) return settle(state, message);
      if (message.id === undefined) return notified(state, message);
      return answer(state, message);
    },
  };
}

function settle(state, { id, result, error }) {
  const reply = error === undefined ? { result } : { error };
  state.recorder.event('replied', { id, reply });
  state.awaiting.get(id)?.(reply);
  state.awaiting.delete(id);
}

async function notified(state, { method, params }) {
  if (method === 'notifications/initialized') await play(state, state.script.after ?? [], {});
  if (method !== 'notifications/cancelled') return;
  const run = state.running.get(params?.requestId);
  if (run === undefined) return;
  state.recorder.event('cancelled', { id: params.requestId });
  run.abort();
}

async function answer(state, request) {
  const run = new AbortController();
  state.running.set(request.id, run);
  try {
    const scene = sceneOf(state, request);
    const replies = await play(state, scene.steps ?? [], { request, signal: run.signal });
    if (scene.never || run.signal.aborted) return;
    const body = scene.error ? { error: scene.error } : resultOf(state, scene, request, replies);
    state.send({ jsonrpc: '2.0', id: request.id, ...body }, request.id);
    // The exchange is over: what comes now belongs to no request.
    await play(state, scene.afterwards ?? [], { request: { ...request, id: undefined } });
  } catch (error) {
    if (!run.signal.aborted) throw error;
  } finally {
    state.running.delete(request.id);
  }
}

/** The scene of a request: by tool for calls, else by method; lists are played one after another. */
function sceneOf(state, { method, params }) {
  const isCall = method === 'tools/call';
  const scenes = isCall ? state.script.calls?.[params?.name] : state.script.methods?.[method];
  if (scenes === 'arguments') return params?.arguments ?? {};
  if (!Array.isArray(scenes)) return scenes ?? {};
  const key = isCall ? `tools/call ${params.name}` : method;
  const times = state.played.get(key) ?? 0;
  state.played.set(key, times + 1);
  return scenes[Math.min(times, scenes.length - 1)] ?? {};
}

function resultOf(state, scene, request, replies) {
  if (scene.result !== undefined) return { result: scene.result };
  const { method, params } = request;
  const standard = {
    initialize: () => initializeResult(state, params),
    ping: () => ({}),
    'tools/call': () => callResult(state, params, replies),
  }[method];
  const result = standard?.() ?? listPage(state, method, params?.cursor);
  if (result !== undefined) return { result };
  if (method === 'tools/call')
    return { error: { code: -32602, message: `Unknown tool: ${params?.name}` } };
  return { error: { code: -32601, message: `Method not found: ${method}` } };
}

function initializeResult({ script }, params) {
  return {
    protocolVersion: params?.protocolVersion,
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: 'recording-backend', version: '1.0.0' },
    ...script.initialize,
  };
}

function listPage({ lists, script }, method, cursor) {
  const items = lists[method];
  const member = LISTS[method];
  if (items === undefined || member === undefined) return undefined;
  if (script.pageSize === undefined) return { [member]: items };
  const from = cursor === undefined ? 0 : Number(String(cursor).slice(PAGE_CURSOR.length));
  const to = from + script.pageSize;
  const page = { [member]: items.slice(from, to) };
  return to < items.length ? { ...page, nextCursor: `${PAGE_CURSOR}${to}` } : page;
}

function callResult({ lists, script }, params, replies) {
  const name = params?.name;
  if (
    script.calls?.[name] === undefined &&
    !lists['tools/list'].some((tool) => tool.name === name)
  ) {
    return undefined;
  }
  const args = params.arguments ?? {};
  const said =
    replies.length > 0 ? JSON.stringify(replies) : (args.message ?? JSON.stringify(args));
  const content = [{ type: 'text', text: String(said) }];
  return replies.length > 0
    ? { content, structuredContent: { arguments: args, replies } }
    : { content };
}

/** Plays steps in turn; gives the client's replies to the requests among them. */
async function play(state, steps, { request, signal }) {
  const replies = [];
  for (const step of steps) {
    if (signal?.aborted) break;
    const [kind, value] = Object.entries(step)[0];
    const reply = await STEPS[kind](state, value, { request, signal });
    if (reply !== undefined) replies.push(...(Array.isArray(reply) ? reply : [reply]));
  }
  return replies;
}

const STEPS = {
  async wait(_state, ms, { signal }) {
    await wait(ms, undefined, signal ? { signal } : {});
  },
  progress(state, progress, { request }) {
    const progressToken = request?.params?._meta?.progressToken;
    if (progressToken === undefined) return;
    const params = { progressToken, ...progress };
    state.send({ jsonrpc: '2.0', method: 'notifications/progress', params }, request.id);
  },
  notify(state, { method, params }, { request }) {
    state.send({ jsonrpc: '2.0', method, ...(params && { params }) }, request?.id);
  },
  request(state, { method, params, cancel }, { request, signal }) {
    const id = `backend-${state.nextId++}`;
    return new Promise((resolve, reject) => {
      state.awaiting.set(id, resolve);
      signal?.addEventListener('abort', () => reject(new Error('cancelled')), { once: true });
      state.send({ jsonrpc: '2.0', id, method, ...(params && { params }) }, request?.id);
      if (cancel !== undefined)
        setTimeout(() => withdraw(state, id, cancel, request), cancel.after);
    });
  },
  together(state, steps, context) {
    return Promise.all(steps.map((step) => play(state, [step], context))).then((all) => all.flat());
  },
  setTools(state, tools) {
    state.lists['tools/list'] = tools;
  },
  setList(state, { method, items }) {
    state.lists[method] = items;
  },
  raw(state, text) {
    state.sendRaw?.(text);
  },
  exit(_state, code) {
    process.exit(code);
  },
};

/** Cancels a request of a step, unless it is answered already. */
function withdraw(state, id, { params }, request) {
  const resolve = state.awaiting.get(id);
  if (!state.awaiting.delete(id)) return;
  const cancelled = { requestId: id, ...params };
  const method = 'notifications/cancelled';
  state.send({ jsonrpc: '2.0', method, params: cancelled }, request?.id);
  resolve({ cancelled: true });
}
