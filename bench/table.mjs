/** Medians, ratios and how they are printed. */

/** The columns: key, title, digits, and whether a ratio to the floor says something. */
const COLUMNS = [
  { key: 'init', title: 'init', digits: 0, ratio: true },
  { key: 'cold', title: 'ready, cold', digits: 0, ratio: false },
  { key: 'warm', title: 'ready', digits: 0, ratio: true },
  { key: 'p50', title: 'p50', digits: 3, ratio: true },
  { key: 'p99', title: 'p99', digits: 3, ratio: true },
  { key: 'rate', title: 'calls/s', digits: 0, ratio: true },
  { key: 'rss', title: 'MB', digits: 0, ratio: true },
];

/**
 * One row for each subject from the measurements of its rounds: { name, rounds, failed, values,
 * ratios }, values being medians; without one successful round there are no values.
 */
export function rowsOf(subjects, results) {
  const rows = subjects.map(({ name, floor }) => {
    const { measured, failed } = results.get(name);
    const values = measured.length > 0 ? medians(measured) : undefined;
    return { name, floor, rounds: measured.length, failed, values };
  });
  return rows.map((row) => ({ ...row, ratios: ratios(row, rows) }));
}

function medians(measured) {
  return Object.fromEntries(
    COLUMNS.map(({ key }) => [key, median(measured.map((values) => values[key]))]),
  );
}

/** The table of commands: from the times of all rounds, each a Map of names to milliseconds. */
export function commandsTable(rounds) {
  const [first] = rounds;
  if (first === undefined) return '';
  const medianOf = (name) => median(rounds.flatMap((times) => times.get(name)));
  const [floor] = first.keys();
  const lines = [...first.keys()].map((name) => [
    name,
    figure(medianOf(name), 1),
    figure(medianOf(name) / medianOf(floor), 2),
  ]);
  return layOut([['command', 'ms', `times ${floor}`], ...lines]);
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

function ratios(row, rows) {
  const floor = rows.find(({ name }) => name === row.floor)?.values;
  if (floor === undefined || row.values === undefined || row.floor === row.name) return undefined;
  const compared = COLUMNS.filter(({ ratio }) => ratio);
  return Object.fromEntries(compared.map(({ key }) => [key, row.values[key] / floor[key]]));
}

/** The table of values, with the reason where a subject failed. */
export function valuesTable(rows) {
  const lines = rows.map(({ name, values }) => [
    name,
    ...COLUMNS.map(({ key, digits }) => (values ? figure(values[key], digits) : 'failed')),
  ]);
  return layOut([['subject', ...COLUMNS.map(({ title }) => title)], ...lines]);
}

/** The table of ratios to the floor. */
export function ratiosTable(rows) {
  const compared = COLUMNS.filter(({ ratio }) => ratio);
  const lines = rows
    .filter((row) => row.ratios !== undefined)
    .map(({ name, ratios }) => [name, ...compared.map(({ key }) => figure(ratios[key], 2))]);
  return layOut([['times the floor (A)', ...compared.map(({ title }) => title)], ...lines]);
}

/** What went wrong, one line for each subject that failed in a round. */
export function failures(rows) {
  return rows.flatMap(({ name, failed }) => (failed ? [`${name} failed: ${failed}`] : []));
}

function figure(number, digits) {
  if (!Number.isFinite(number)) return '-';
  return number.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function layOut(lines) {
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  const row = (line) =>
    line.map((cell, at) => (at ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join('  ');
  return lines.map(row).join('\n');
}
