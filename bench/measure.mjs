/** What is measured of one subject at one time. */
import { setTimeout as wait } from 'node:timers/promises';
import { run } from './belongings.mjs';
import { Session } from './session.mjs';
import { median, quantile } from './statistics.mjs';

const READY_DEADLINE_MS = 30_000;
/** What Node.js compiles while it runs is compiled after that, in every process that takes part. */
const WARM_UP_S = 1;
/** A process's single calls take up to half as long again from one such time to the next: nobody has a longer turn. */
const LONGEST_TURN_S = 0.25;
/** A turn begins with the caches of the processor full of what others did: so much of it does not count. */
const SETTLE_S = 0.05;
const IN_FLIGHT = 32;
const MOST_PAGES = 1_000;
const BIG = 2 ** 20;
/** For what follows the start of many backends. */
const REST_MS = 500;
const CLIENT = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1.0.0' },
};

/** One start: { init, ready } in ms. */
export async function measureStart(subject, place) {
  const { session, init, ready } = await open(subject, place);
  await session.close();
  return { init, ready };
}

/** One start in a place that is new: { cold } in ms. */
export async function measureCold(subject, place) {
  if (place.commands !== undefined) return { cold: await startAtOnce(subject, place) };
  const { ready } = await measureStart(subject, place);
  return { cold: ready };
}

/**
 * Starts a subject whose calls are measured in turns with those of others: single ones for `seconds`, then as
 * long with many in flight. Figures { p50, p99, rate, rss }: ms, calls a second, MB.
 */
export function startCalls(subject, place, seconds) {
  return startTurns(subject, place, async (session, tools) => {
    const call = echo(session, toolsNamed('echo', tools)[0]);
    await oneByOne(call, WARM_UP_S);
    const times = [];
    const total = { calls: 0, seconds: 0 };
    const single = async (length) => {
      await oneByOne(call, SETTLE_S);
      times.push(...(await oneByOne(call, length)));
    };
    const parallel = async (length) => {
      await inParallel(call, SETTLE_S);
      const { calls, seconds: took } = await inParallel(call, length);
      total.calls += calls;
      total.seconds += took;
    };
    const figures = () => ({
      p50: median(times),
      p99: quantile(times, 0.99),
      rate: total.calls / total.seconds,
      rss: session.memory(),
    });
    return { turns: [...turnsOf(single, seconds), ...turnsOf(parallel, seconds)], figures };
  });
}

/** The same for calls whose result is 1 MB. Figures { big }: ms. */
export function startBig(subject, place, seconds) {
  return startTurns(subject, place, async (session, tools) => {
    const [name] = toolsNamed('big', tools);
    const params = { name, arguments: { message: 'big', count: BIG } };
    const call = async () => {
      const result = await session.request('tools/call', params);
      const length = result.content?.[0]?.text?.length;
      if (length !== BIG) throw new Error(`big gave ${length} characters instead of ${BIG}`);
    };
    for (let i = 0; i < 10; i++) await call();
    const times = [];
    const turn = async (length) => {
      await oneByOne(call, SETTLE_S);
      times.push(...(await oneByOne(call, length)));
    };
    return { turns: turnsOf(turn, seconds), figures: () => ({ big: median(times) }) };
  });
}

/** What `prepare` gives, { turns, figures }, with `close`; nothing stays behind when it fails. */
async function startTurns(subject, place, prepare) {
  const { session, tools } = await open(subject, place);
  try {
    return { ...(await prepare(session, tools)), close: () => session.close() };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Turns of the same length, `seconds` in all. */
function turnsOf(turn, seconds) {
  const count = Math.ceil(seconds / LONGEST_TURN_S);
  return Array.from({ length: count }, () => () => turn(seconds / count));
}

/**
 * { init, ready, first, list, perTool }: ms until the first complete list was there, from the answer
 * to `initialize` on; ms that one takes when all is up; the same for each tool in µs.
 */
export async function measureLists(subject, place, seconds) {
  const { session, init, ready, tools } = await open(subject, place);
  try {
    // A call is answered when its backend is up: no start competes with what follows.
    await Promise.all(toolsNamed('echo', tools).map((name) => echo(session, name)(name)));
    await wait(REST_MS);
    const times = [];
    const again = async () => {
      const from = performance.now();
      const { length } = await listTools(session);
      if (length < subject.tools) throw new Error(`${length} of ${subject.tools} tools are left`);
      // What the measuring side needs to parse ten thousand tools is not the proxy's.
      times.push(session.arrivedAt - from);
    };
    await oneByOne(again, seconds);
    const list = median(times);
    const lists = { first: ready - init, list, perTool: (list / subject.tools) * 1000 };
    // One figure is not made of two kinds of starts.
    return subject.phases.includes('starts') ? lists : { init, ready, ...lists };
  } finally {
    await session.close();
  }
}

/** One run of a command: { time } in ms. */
export async function measureRun(_subject, { command, env }) {
  const from = performance.now();
  await run(command, env);
  return { time: performance.now() - from };
}

/** From the start of the process to the answer to `initialize`, and to a list with all the tools. */
async function open(subject, { command, env }) {
  const deadline = subject.deadline ?? READY_DEADLINE_MS;
  const from = performance.now();
  const session = new Session(command, env);
  try {
    await initialize(session);
    const init = performance.now() - from;
    for (;;) {
      const tools = await listTools(session);
      const ready = performance.now() - from;
      if (tools.length >= subject.tools) return { session, init, ready, tools };
      const shown = `only ${tools.length} of ${subject.tools} tools in ${deadline} ms`;
      if (ready > deadline) throw new Error(shown);
      await wait(5);
    }
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Starts all commands at once; ms until each has given its tools. */
async function startAtOnce(subject, { commands, env }) {
  const from = performance.now();
  const sessions = commands.map((command) => new Session(command, env));
  const ready = async (session) => {
    await initialize(session);
    return listTools(session);
  };
  try {
    const tools = (await Promise.all(sessions.map(ready))).flat();
    const took = performance.now() - from;
    if (tools.length !== subject.tools) throw new Error(`${tools.length} tools are listed`);
    return took;
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

async function initialize(session) {
  await session.request('initialize', CLIENT);
  session.notify('notifications/initialized');
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

/** The names that a proxy gives to the tools of that name, whatever it puts before them. */
function toolsNamed(end, tools) {
  const names = tools.map(({ name }) => name).filter((name) => name.endsWith(end));
  if (names.length === 0) throw new Error(`no tool ${end} is listed`);
  return names;
}

/** A function that calls the echo tool with a message of its own, and looks at what comes back. */
function echo(session, name) {
  return async (i) => {
    const result = await session.request('tools/call', { name, arguments: { message: `m${i}` } });
    if (result.content?.[0]?.text !== `m${i}`) throw new Error('echo gave another message back');
  };
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
  return times;
}

async function inParallel(call, seconds) {
  const from = performance.now();
  const end = from + seconds * 1000;
  let calls = 0;
  let isFailed = false;
  const lane = async () => {
    try {
      while (!isFailed && performance.now() < end) await call(calls++);
    } catch (error) {
      // The others are not to go on in the turn of another subject.
      isFailed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return { calls, seconds: (performance.now() - from) / 1000 };
}
