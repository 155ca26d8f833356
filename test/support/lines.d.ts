import type { Readable } from 'node:stream';

/** See lines.js. */
export function readLines(stream: Readable, onLine: (line: string) => void): Promise<void>;
