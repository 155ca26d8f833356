#!/usr/bin/env node
/**
 * What `npm test` runs: builds where the build is missing or older than its sources, installs the
 * programs that tests need, runs every vitest project with the arguments passed on
 * (`npm test -- --project unit`), and prints the plain count as its last line. Fails when a test
 * fails, when vitest does, and when no test ran.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installSystemPackages } from './system-packages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** What the tests start as users do. */
const BUILT = 'dist/main.cjs';
const BUILT_FROM = [
  'src',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsdown.config.ts',
];

/** Absolute path of the program `name` of an installed package. */
async function program(name) {
  const file = require.resolve(`${name}/package.json`);
  const { bin } = JSON.parse(await readFile(file, 'utf8'));
  return join(dirname(file), typeof bin === 'string' ? bin : bin[name]);
}

/** Runs a package's program in the project with its output visible; gives its exit status. */
async function run(name, args) {
  const child = spawn(process.execPath, [await program(name), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

async function newest(path) {
  const about = await stat(path);
  if (!about.isDirectory()) return about.mtimeMs;
  const inside = await readdir(path);
  return Math.max(
    about.mtimeMs,
    ...(await Promise.all(inside.map((name) => newest(join(path, name))))),
  );
}

async function isBuilt() {
  const built = await stat(join(root, BUILT)).catch(() => undefined);
  if (built === undefined) return false;
  const times = await Promise.all(BUILT_FROM.map((path) => newest(join(root, path))));
  return Math.max(...times) <= built.mtimeMs;
}

async function runTests(args) {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-master-vitest-'));
  try {
    const file = join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const code = await run('vitest', ['run', ...reporters, ...args]);
    const report = await readFile(file, 'utf8').catch(() => undefined);
    return { code, counts: count(report === undefined ? undefined : JSON.parse(report)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file that could not even be loaded has no tests in the report: it counts as one that failed. */
function count(report) {
  if (report === undefined) return { passed: 0, failed: 0, skipped: 0 };
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** What the counts don't tell; an unhandled error or a missed threshold counts as one failure. */
function judge({ code, counts }) {
  const ran = counts.passed + counts.failed > 0;
  if (!ran) return { ...counts, remark: 'No test ran.' };
  if (code === 0 || counts.failed > 0) return counts;
  const remark = `No test failed, but vitest did (exit status ${code}): see above.`;
  return { ...counts, failed: 1, remark };
}

async function main(args) {
  if (!(await isBuilt())) {
    process.stdout.write(`${BUILT} is missing or older than its sources: building.\n`);
    const code = await run('tsdown', []);
    if (code !== 0) {
      process.stdout.write('The build failed, so no test ran.\n0 passed, 1 failed\n');
      return 1;
    }
  }
  installSystemPackages();
  const { passed, failed, skipped, remark } = judge(await runTests(args));
  if (remark !== undefined) process.stdout.write(`${remark}\n`);
  const aloud = skipped > 0 ? `, ${skipped} skipped` : '';
  process.stdout.write(`${passed} passed, ${failed} failed${aloud}\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
