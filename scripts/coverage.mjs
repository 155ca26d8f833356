#!/usr/bin/env node
/**
 * What `npm run coverage` runs: every test, counting the lines of `src` that they reach, both in
 * the tests' own processes (vitest) and in the built program that they start (NODE_V8_COVERAGE, by
 * its source maps). Prints a line a file and fails below the threshold.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Report } from 'c8';
import coverage from 'istanbul-lib-coverage';
import report from 'istanbul-lib-report';
import reports from 'istanbul-reports';

const root = fileURLToPath(new URL('..', import.meta.url));
const THRESHOLD = 90;

function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}

/** The coverage of the built program, on the sources that it was built from. */
async function builtCoverage(folder) {
  const written = await readdir(folder);
  process.stdout.write(`${written.length} processes of the built program were counted.\n`);
  return new Report({
    tempDirectory: folder,
    include: ['dist/**', 'src/**'],
    exclude: [],
    reporter: [],
    resolve: root,
    excludeAfterRemap: false,
  }).getCoverageMapFromAllCoverageFiles();
}

const raw = await mkdtemp(join(tmpdir(), 'mcp-master-coverage-'));
try {
  run('npx', ['tsdown', '--sourcemap', '--logLevel', 'warn']);
  run(
    'npx',
    ['vitest', 'run', '--coverage', '--coverage.reporter=json', ...process.argv.slice(2)],
    { BUILT_COVERAGE: raw },
  );
  const own = JSON.parse(await readFile(join(root, 'coverage', 'coverage-final.json'), 'utf8'));
  const all = coverage.createCoverageMap(own);
  all.merge(await builtCoverage(raw));
  const sources = join(root, 'src');
  all.filter((file) => file.startsWith(sources));
  const context = report.createContext({ coverageMap: all, dir: join(root, 'coverage') });
  for (const kind of ['text', 'text-summary']) reports.create(kind).execute(context);
  const { pct } = all.getCoverageSummary().lines;
  process.stdout.write(`${pct} % of the lines; at least ${THRESHOLD} % are wanted.\n`);
  process.exitCode = pct >= THRESHOLD ? 0 : 1;
} finally {
  await rm(raw, { recursive: true, force: true });
}
