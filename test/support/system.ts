import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'vitest';

/** Whether a program, or a file with an absolute path, is there. */
function isInstalled(file: string): boolean {
  const folders = file.startsWith('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(folder === '' ? file : join(folder, file), constants.R_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Skips the test where one of these programs or files is missing, and says so. */
export function requireInstalled(context: TestContext, ...files: string[]): void {
  const missing = files.filter((file) => !isInstalled(file));
  if (missing.length > 0) skipAloud(context, `${missing.join(', ')} is not installed`);
}

/** Skips the test; the reason is printed whatever the reporter. */
export function skipAloud({ task, skip }: TestContext, reason: string): never {
  process.stderr.write(`skipped: ${task.name}: ${reason}\n`);
  return skip(reason);
}
