/** The rounds of a run: which subject is measured when. */
import { isEnding, newFolder, remove } from './belongings.mjs';
import {
  measureBig,
  measureCalls,
  measureCold,
  measureLists,
  measureRun,
  measureStart,
} from './measure.mjs';
import { median } from './statistics.mjs';

/** What a round consists of; within a phase all its subjects have their turn as often as `times` says. */
const PHASES = [
  { name: 'starts', times: 8, measure: measureStart },
  { name: 'colds', times: 4, measure: inNewPlace(measureCold) },
  { name: 'calls', times: 1, measure: measureCalls },
  { name: 'big', times: 1, measure: measureBig },
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
  for (const { subject, phase, when } of turns(subjects, rounds)) {
    const result = results.get(subject.name);
    await unlessFailed(result, when, async () => {
      note(result, await phase.measure(subject, places.get(subject.name), seconds));
    });
  }
  return results;
}

/** Who is measured when: { subject, phase, when }. */
function* turns(subjects, rounds) {
  for (let round = 1; round <= rounds; round++) {
    for (const phase of PHASES) {
      const list = subjects.filter(({ phases }) => phases.includes(phase.name));
      const when = `round ${round} of ${rounds}, ${phase.name}`;
      if (list.length > 0) say(when);
      // Not one subject often and then the next: each time all of them.
      const times = Array.from({ length: phase.times }, () => list).flat();
      for (const subject of times) yield { subject, phase, when };
    }
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
