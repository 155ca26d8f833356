import type { GlobalFlags } from '../app/settings.ts';
import type { StatusFlags } from './auth-status.ts';

/** A command and its flags, as its function takes them. */
export type PlainCommand =
  | { name: 'serve'; flags: GlobalFlags }
  | { name: 'auth status'; flags: StatusFlags };

/**
 * The command that a command line names beyond doubt: its words, and after them known options, each of them once.
 * Undefined for any other line, right or wrong: commander says what it means. Of these it would say the same; but to
 * load it, and to tell it of all commands, takes a good part of what such a command takes.
 */
export function readPlainCommand([first, second, ...rest]: string[]): PlainCommand | undefined {
  if (first === 'auth' && second === 'status') {
    const flags = readFlags(rest);
    return flags && { name: 'auth status', flags };
  }
  if (first !== 'serve') return undefined;
  const flags = readFlags(second === undefined ? [] : [second, ...rest]);
  const isKnown = flags && !('server' in flags || 'check' in flags);
  return isKnown ? { name: 'serve', flags } : undefined;
}

/** The options, with their names among the flags: those that have a text, and those that have none. */
const TEXTS = new Map<string, 'config' | 'profile' | 'server'>([
  ['--config', 'config'],
  ['--profile', 'profile'],
  ['--server', 'server'],
]);
const SWITCHES = new Map<string, 'json' | 'quiet' | 'check'>([
  ['--json', 'json'],
  ['--quiet', 'quiet'],
  ['--check', 'check'],
]);

function readFlags(args: string[]): StatusFlags | undefined {
  const flags: StatusFlags = {};
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, option = arg, value] = /^(--[^=]+)=(.*)$/s.exec(arg) ?? [];
    const name = SWITCHES.get(option);
    const isTaken =
      name === undefined
        ? takeText(flags, option, value ?? rest.shift())
        : value === undefined && takeSwitch(flags, name);
    if (!isTaken) return undefined;
  }
  return flags;
}

function takeSwitch(flags: StatusFlags, name: 'json' | 'quiet' | 'check'): boolean {
  if (name in flags) return false;
  flags[name] = true;
  return true;
}

function takeText(flags: StatusFlags, option: string, value = ''): boolean {
  const name = TEXTS.get(option);
  if (name === undefined || name in flags || value === '' || value.startsWith('-')) return false;
  flags[name] = value;
  return true;
}
