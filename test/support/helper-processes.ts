import { readdirSync, readFileSync } from 'node:fs';
import { KEYCHAIN_HELPER } from './build-program.ts';

/** A running helper of the keychain. */
export interface HelperSeen {
  pid: number;
  args: string[];
  env: Record<string, string>;
}

/** The helpers whose HOME is `home`, that is, those of one test. On Linux alone. */
export function helperProcesses(home: string): HelperSeen[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const args = readList(`/proc/${pid}/cmdline`);
      const entries = readList(`/proc/${pid}/environ`).map((entry): [string, string] => {
        const [name = '', ...value] = entry.split('=');
        return [name, value.join('=')];
      });
      const env = Object.fromEntries(entries);
      const ours = args.includes(KEYCHAIN_HELPER) && env['HOME'] === home;
      return ours ? [{ pid: Number(pid), args, env }] : [];
    });
}

/** Empty for a process that has ended meanwhile, or belongs to somebody else. */
function readList(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}
