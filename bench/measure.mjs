/** What is measured of one subject in one round. */
import { setTimeout as wait } from 'node:timers/promises';
import { Session } from './session.mjs';

const READY_DEADLINE_MS = 30_000;
const WARM_UP_CALLS = 300;
const IN_FLIGHT = 32;
const MOST_PAGES = 100;
const CLIENT = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1.0.0' },
};

/**
 * Starts a subject once (twice where it keeps a catalogue: the first start finds none) and measures
 * { init, cold, warm, p50, p99, rate, rss }: milliseconds, calls a second, MB. `cold` is NaN where
 * there is no difference. `seconds` is how long each of the two phases of calls lasts.
 */
export async function measure(subject, seconds) {
  const place = await subject.prepare();
  try {
    const cold = subject.keepsCatalogue ? await measureStart(subject, place) : Number.NaN;
    return { cold, ...(await measureCalls(subject, place, seconds)) };
  } finally {
    await place.remove();
  }
}

async function measureStart(subject, place) {
  const started = await start(subject, place);
  await started.session.close();
  return started.ready;
}

async function measureCalls(subject, place, seconds) {
  const { session, init, ready, tools } = await start(subject, place);
  try {
    const name = tools.find((tool) => tool.name.endsWith('echo'))?.name;
    if (name === undefined) throw new Error('no echo tool is listed');
    const call = async (i) => {
      const result = await session.request('tools/call', { name, arguments: { message: `m${i}` } });
      if (result.content?.[0]?.text !== `m${i}`) throw new Error('echo gave another message back');
    };
    for (let i = 0; i < WARM_UP_CALLS; i++) await call(i);
    const times = await oneByOne(call, seconds);
    const rate = await inParallel(call, seconds);
    const quantiles = { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
    return { init, warm: ready, ...quantiles, rate, rss: session.memory() };
  } finally {
    await session.close();
  }
}

/** From the start of the process to the answer to `initialize`, and to a list with all the tools. */
async function start(subject, { command, env }) {
  const from = performance.now();
  const session = new Session(command, env);
  try {
    await session.request('initialize', CLIENT);
    const init = performance.now() - from;
    session.notify('notifications/initialized');
    for (;;) {
      const tools = await listTools(session);
      const ready = performance.now() - from;
      if (tools.length >= subject.tools) return { session, init, ready, tools };
      const shown = `only ${tools.length} of ${subject.tools} tools in ${READY_DEADLINE_MS} ms`;
      if (ready > READY_DEADLINE_MS) throw new Error(shown);
      await wait(5);
    }
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function listTools(session) {
  const tools = [];
  let cursor;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const page = await session.request('tools/list', cursor ? { cursor } : {});
    tools.push(...page.tools);
    cursor = page.nextCursor;
    if (cursor === undefined) return tools;
  }
  throw new Error(`tools/list has more than ${MOST_PAGES} pages`);
}

async function oneByOne(call, seconds) {
  const times = [];
  const end = performance.now() + seconds * 1000;
  for (let from = performance.now(), i = 0; from < end; i++) {
    await call(i);
    const now = performance.now();
    times.push(now - from);
    from = now;
  }
  return times.sort((a, b) => a - b);
}

async function inParallel(call, seconds) {
  const from = performance.now();
  const end = from + seconds * 1000;
  let calls = 0;
  const lane = async () => {
    while (performance.now() < end) await call(calls++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return calls / ((performance.now() - from) / 1000);
}

function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}
