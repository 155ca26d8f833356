/** What is to be reached, as ratios within one run. */
import { COMMANDS } from './commands.mjs';
import { interval } from './statistics.mjs';
import { NAMES } from './subjects.mjs';

/** Two subjects that are the same program: what lies between them is noise. */
const STDIO_PAIR = [NAMES.stdioA, NAMES.stdioB];
const HTTP_PAIR = [NAMES.httpA, NAMES.httpB];
const NODE_PAIR = [COMMANDS.nothingA, COMMANDS.nothingB];

/** What a figure is compared with. */
const STDIO = { than: NAMES.stdioA, thanName: 'the stdio floor', noise: STDIO_PAIR };
const HTTP = { than: NAMES.httpA, thanName: 'the HTTP floor', noise: HTTP_PAIR };
const SSE = { ...HTTP, than: NAMES.sseFloor };
const TOKEN = { ...HTTP, than: NAMES.tokenFloor };
const SERVER = { than: NAMES.bare, thanName: 'a bare server', noise: STDIO_PAIR };
const SOUND = { than: NAMES.twenty, thanName: '20 sound ones' };
const NODE = { than: COMMANDS.nothingA, thanName: '`node -e 0`', noise: NODE_PAIR };

/** The figures: unit and digits after the point. */
const UNITS = {
  init: { unit: 'ms', digits: 1 },
  ready: { unit: 'ms', digits: 1 },
  cold: { unit: 'ms', digits: 0 },
  p50: { unit: 'ms', digits: 3 },
  p99: { unit: 'ms', digits: 3 },
  rate: { unit: 'calls/s', digits: 0 },
  big: { unit: 'ms', digits: 1 },
  rss: { unit: 'MB', digits: 0 },
  first: { unit: 'ms', digits: 0 },
  perTool: { unit: 'µs', digits: 2 },
  time: { unit: 'ms', digits: 1 },
};

/** A limit is `most` or `least`; without one, no more than noise explains. */
const most = (limit) => ({ most: limit });
const least = (limit) => ({ least: limit });
const noMore = {};

const GOALS = [
  goal('`initialize`, 20 stdio backends', NAMES.twenty, 'init', most(1.1), STDIO),
  goal('`ready` with the catalogue, 20 backends, 400 tools', NAMES.twenty, 'ready', most(1.3), {
    than: NAMES.twenty,
    thanKey: 'init',
    thanName: '`initialize`',
  }),
  goal('`ready` cold, 20 backends', NAMES.twenty, 'cold', most(1.3), {
    than: NAMES.atOnce,
    thanName: 'the 20 started bare at once',
  }),
  ...ailing('one of 20 takes 5 s', NAMES.slow),
  ...ailing('one of 20 never answers', NAMES.mute),
  ...ailing('one of 20 exits at once', NAMES.dead),
  goal('1 stdio backend, p50', NAMES.one, 'p50', most(1.5), STDIO),
  goal('1 stdio backend, p99', NAMES.one, 'p99', most(2), STDIO),
  goal('1 stdio backend, 32 in flight', NAMES.one, 'rate', least(0.5), STDIO),
  goal('1 HTTP backend, JSON, p50', NAMES.http, 'p50', most(1.5), HTTP),
  goal('1 HTTP backend, JSON, 32 in flight', NAMES.http, 'rate', least(0.5), HTTP),
  goal('1 HTTP backend, SSE, p50', NAMES.sse, 'p50', most(1.5), SSE),
  goal('1 HTTP backend, SSE, 32 in flight', NAMES.sse, 'rate', least(0.5), SSE),
  goal('1 HTTP backend, OAuth token, p50', NAMES.oauth, 'p50', most(1.5), TOKEN),
  goal('1 HTTP backend, OAuth token, 32 in flight', NAMES.oauth, 'rate', least(0.5), TOKEN),
  goal('1 MB result, stdio', NAMES.one, 'big', most(1.5), STDIO),
  goal('1 MB result, HTTP', NAMES.http, 'big', most(1.5), HTTP),
  goal('memory, 1 stdio backend', NAMES.one, 'rss', most(1.5), SERVER),
  goal('memory, 20 stdio backends, 400 tools', NAMES.twenty, 'rss', most(2), SERVER),
  goal('memory, 1 HTTP backend', NAMES.http, 'rss', most(2), SERVER),
  goal('10,000 tools of 100 backends, first list', NAMES.hundred, 'first', most(500), {}),
  goal('10,000 tools, cost of a list per tool', NAMES.hundred, 'perTool', noMore, {
    than: NAMES.twenty,
    thanName: 'that at 400',
  }),
  goal('`--version`', COMMANDS.version, 'time', most(1.3), NODE),
  goal('`auth status` of 50 servers', COMMANDS.status, 'time', most(2), NODE),
];

function goal(what, subject, key, limit, reference) {
  return { what, subject, key, ...UNITS[key], ...limit, ...reference };
}

function ailing(what, subject) {
  return [
    goal(`\`initialize\`, ${what}`, subject, 'init', noMore, SOUND),
    goal(`\`ready\`, ${what}`, subject, 'ready', noMore, SOUND),
  ];
}

/** The names of the subjects without which nothing can be said of these. */
export function companions(names) {
  const concerned = GOALS.filter(({ subject }) => names.has(subject));
  return new Set(concerned.flatMap(({ than, noise = [] }) => (than ? [than, ...noise] : noise)));
}

/**
 * One row for each goal whose subjects were measured: the goal with `figure`, `reference` and `ratio` (of
 * medians; without a reference the figure itself is what counts), `noise`: a ratio, or where the
 * ratio may lie by chance, [low, high]; and `held`. What failed has no ratio and is not held.
 */
export function goalRows(results) {
  const isMeasured = ({ subject, than = subject }) => results.has(subject) && results.has(than);
  return GOALS.filter(isMeasured).map((one) => judge(one, results));
}

function judge(one, results) {
  const { subject, key, than, thanKey = key } = one;
  const figure = results.get(subject).values[key];
  const reference = than && results.get(than).values[thanKey];
  const row = { ...one, figure, reference, noise: noiseOf(one, results), held: false };
  if (figure === undefined || (than !== undefined && reference === undefined)) return row;
  const ratio = than ? figure / reference : figure;
  return { ...row, ratio, held: isHeld(row, ratio) };
}

function isHeld(row, ratio) {
  if (row.most !== undefined) return ratio <= row.most;
  if (row.least !== undefined) return ratio >= row.least;
  return row.noise[0] <= 1;
}

function noiseOf(one, results) {
  const { subject, key, than, noise } = one;
  if (noise !== undefined) {
    const [a, b] = noise.map((name) => results.get(name)?.values[key]);
    return b / a;
  }
  if (one.most !== undefined) return undefined;
  return ratioInterval(results.get(subject).samples[key], results.get(than).samples[key]);
}

/** Where the ratio of two medians may lie by chance; undefined when one of them failed. */
function ratioInterval(samples, reference) {
  if (samples === undefined || reference === undefined) return undefined;
  const [low, high] = interval(samples);
  const [referenceLow, referenceHigh] = interval(reference);
  return [low / referenceHigh, high / referenceLow];
}
