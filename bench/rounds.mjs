/** The rounds of a run: which subject is measured when. */
import { isEnding, newFolder, remove } from './belongings.mjs';
import {
  measureCold,
  measureLists,
  measureRun,
  measureStart,
  startBig,
  startCalls,
} from './measure.mjs';
import { median } from './statistics.mjs';

/**
 * What a round consists of. Within a phase all its subjects are measured one after another, as often as `times` says;
 * or all are started with `start`, and then take turns.
 */
const PHASES = [
  { name: 'starts', times: 8, measure: measureStart },
  { name: 'colds', times: 4, measure: inNewPlace(measureCold) },
  { name: 'calls', start: startCalls },
  { name: 'big', start: startBig },
  { name: 'lists', times: 2, measure: measureLists },
  { name: 'runs', times: 10, measure: measureRun },
];

/**
 * Measures all subjects in turn, so that a slow moment of the machine hits each of them. Gives a Map
 * of names to { samples, values, failed }: samples and their medians by figure; why it failed.
 */
export async function runRounds(subjects, { rounds, seconds }) {
  const results = new Map(subjects.map(({ name }) => [name, { samples: {}, values: {} }]));
  const places = new Map();
  for (const subject of subjects) {
    say(`preparing: ${subject.name}`);
    await unlessFailed(results.get(subject.name), 'preparing', async () => {
      places.set(subject.name, await firstPlace(subject));
    });
  }
  for (let round = 1; round <= rounds; round++) {
    for (const phase of PHASES) {
      const list = subjects.filter(({ phases }) => phases.includes(phase.name));
      if (list.length === 0) continue;
      const when = `round ${round} of ${rounds}, ${phase.name}`;
      say(when);
      const takers = list.map((subject) => ({
        subject,
        place: places.get(subject.name),
        result: results.get(subject.name),
      }));
      await (phase.start ? inTurns : oneAfterAnother)(takers, { phase, when, seconds });
    }
  }
  return results;
}

/** Not one subject often and then the next: each time all of them. */
async function oneAfterAnother(takers, { phase, when, seconds }) {
  for (const { subject, place, result } of Array(phase.times).fill(takers).flat()) {
    await unlessFailed(result, when, async () => {
      note(result, await phase.measure(subject, place, seconds));
    });
  }
}

async function inTurns(takers, { phase, when, seconds }) {
  const started = [];
  try {
    for (const { subject, place, result } of takers) {
      await unlessFailed(result, when, async () => {
        started.push({ result, work: await phase.start(subject, place, seconds) });
      });
    }
    const length = Math.max(0, ...started.map(({ work }) => work.turns.length));
    for (let turn = 0; turn < length; turn++) {
      // To and fro, so that nobody always comes behind the same one.
      for (const { result, work } of turn % 2 ? started.toReversed() : started) {
        await unlessFailed(result, when, work.turns[turn]);
        // What has failed is not to keep a processor busy.
        if (result.failed !== undefined) await work.close();
      }
    }
    for (const { result, work } of started) {
      await unlessFailed(result, when, async () => note(result, work.figures()));
    }
  } finally {
    await Promise.all(started.map(({ work }) => work.close()));
  }
}

/** Where a subject stays for the run; one that keeps something from start to start has started once. */
async function firstPlace(subject) {
  const place = await subject.prepare(await newFolder());
  if (subject.keeps) await measureStart(subject, place);
  await place.afterFirst?.();
  return place;
}

function inNewPlace(measure) {
  return async (subject) => {
    const folder = await newFolder();
    try {
      return await measure(subject, await subject.prepare(folder));
    } finally {
      await remove(folder);
    }
  };
}

/** One that failed is not waited for again. */
async function unlessFailed(result, when, work) {
  if (result.failed !== undefined) return;
  try {
    await work();
  } catch (error) {
    if (isEnding()) throw error;
    result.failed = `${when}: ${error.message}`;
  }
}

function note(result, figures) {
  for (const [key, figure] of Object.entries(figures)) {
    result.samples[key] ??= [];
    result.samples[key].push(figure);
    result.values[key] = median(result.samples[key]);
  }
}

function say(what) {
  process.stderr.write(`${what}\n`);
}
