import { createLogger, type Logger, type LogLevel, Redactor } from '../../src/log.ts';

/** A log that keeps its lines. */
export function memoryLog(level: LogLevel = 'debug'): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const log = createLogger({
    level,
    write: (line) => lines.push(line),
    redactor: new Redactor(),
    now: () => 0,
  });
  return { log, lines };
}
