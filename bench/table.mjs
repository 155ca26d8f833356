/** How the results are printed: tables of GitHub-flavoured Markdown. */
import { COMMANDS } from './commands.mjs';

/** The figures of subjects: key, title, digits after the point; less is better unless it says otherwise. */
const COLUMNS = [
  { key: 'init', title: 'init', digits: 0 },
  { key: 'cold', title: 'ready, cold', digits: 0 },
  { key: 'ready', title: 'ready', digits: 0 },
  { key: 'p50', title: 'p50', digits: 3 },
  { key: 'p99', title: 'p99', digits: 3 },
  { key: 'rate', title: 'calls/s', digits: 0, moreIsBetter: true },
  { key: 'big', title: '1 MB', digits: 1 },
  { key: 'first', title: 'first list', digits: 1 },
  { key: 'list', title: 'list', digits: 2 },
  { key: 'rss', title: 'MB', digits: 0 },
];

/** The medians of the subjects, in the order given. */
export function valuesTable(subjects, results) {
  const lines = subjects.map(({ name }) => {
    const { values, failed } = results.get(name);
    const cells = COLUMNS.map(({ key, digits }) => number(values[key], digits));
    return [nameOf(name, failed), ...cells];
  });
  return table([['subject', ...COLUMNS.map(({ title }) => title)], ...lines]);
}

function nameOf(name, failed) {
  return failed ? `${name} (failed)` : name;
}

/** The commands, and how many times the first one each takes. */
export function commandsTable(commands, results) {
  const time = (name) => results.get(name).values.time;
  const floor = results.get(COMMANDS.nothingA)?.values.time;
  const lines = commands.map(({ name }) => [
    nameOf(name, results.get(name).failed),
    number(time(name), 1),
    number(time(name) / floor, 2),
  ]);
  return table([['command', 'ms', `times ${COMMANDS.nothingA}`], ...lines]);
}

/** The goals: what, goal, result with the medians behind it, noise, and whether it is held. */
export function goalsTable(rows) {
  const lines = rows.map((row) => [
    row.what,
    goalText(row),
    resultText(row),
    noiseText(row),
    row.held ? 'yes' : 'no',
  ]);
  return table([['what', 'goal', 'result', 'noise', 'held'], ...lines], 3);
}

function goalText({ most, least, than, thanName, unit }) {
  if (than === undefined) return `<= ${most} ${unit}`;
  if (most !== undefined) return `<= ${most} x ${thanName}`;
  if (least !== undefined) return `>= ${least} x ${thanName}`;
  return `<= ${thanName}, but for noise`;
}

function resultText({ figure, reference, ratio, unit, digits }) {
  if (ratio === undefined) return 'failed';
  if (reference === undefined) return `${number(figure, digits)} ${unit}`;
  return `${number(ratio, 2)} x (${number(figure, digits)} / ${number(reference, digits)} ${unit})`;
}

function noiseText({ noise }) {
  if (Array.isArray(noise)) return noise.map((bound) => number(bound, 2)).join(' to ');
  return number(noise, 2);
}

/** Each peer beside mcp-master in front of the same backends, and in which columns mcp-master is ahead. */
export function peersTable(peers, results) {
  const columns = COLUMNS.filter(({ key }) => !['cold', 'big', 'first', 'list'].includes(key));
  const cells = (values) => columns.map(({ key, digits }) => number(values[key], digits));
  const scenarios = [...new Set(peers.map(({ peerOf }) => peerOf))];
  const lines = scenarios.flatMap((ours) => [
    [ours, ...cells(results.get(ours).values), ''],
    ...peers
      .filter(({ peerOf }) => peerOf === ours)
      .map(({ name }) => [
        nameOf(name, results.get(name).failed),
        ...cells(results.get(name).values),
        lead(columns, results.get(ours), results.get(name)),
      ]),
  ]);
  const titles = columns.map(({ title }) => title);
  return table([['subject', ...titles, 'mcp-master is ahead in'], ...lines]);
}

function lead(columns, ours, peer) {
  const compared = columns.filter(({ key }) => ours.values[key] && peer.values[key]);
  if (peer.failed !== undefined || compared.length === 0) return 'nothing to compare';
  const isBehind = ({ key, moreIsBetter }) =>
    moreIsBetter ? ours.values[key] <= peer.values[key] : ours.values[key] >= peer.values[key];
  const behind = compared.filter(isBehind).map(({ title }) => title);
  return behind.length === 0 ? 'all' : `all but ${behind.join(', ')}`;
}

/** The size of an installation, package by package, and of others in whole. */
export function sizesTable(packages, others) {
  const total = packages.reduce((sum, { bytes }) => sum + bytes, 0);
  const lines = packages.map(({ name, version, bytes }) => [name, version, kilobytes(bytes)]);
  const rest = others.map(({ name, version, bytes }) => [
    `${name}, all`,
    version,
    kilobytes(bytes),
  ]);
  return table([
    ['package', 'version', 'kB'],
    ...lines,
    [`all ${packages.length}`, '', kilobytes(total)],
    ...rest,
  ]);
}

function kilobytes(bytes) {
  return number(bytes / 1000, 0);
}

function number(value, digits) {
  if (!Number.isFinite(value)) return '-';
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** The first columns are text, the others are set to the right. */
function table([head, ...lines], texts = 1) {
  const widths = head.map((_, at) =>
    Math.max(3, ...[head, ...lines].map((line) => line[at].length)),
  );
  const row = (line) => {
    const cells = line.map((cell, at) =>
      at < texts ? cell.padEnd(widths[at]) : cell.padStart(widths[at]),
    );
    return `| ${cells.join(' | ')} |`;
  };
  const rule = widths.map((width, at) =>
    at < texts ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [row(head), `| ${rule.join(' | ')} |`, ...lines.map(row)].join('\n');
}
