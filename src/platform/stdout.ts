import process from 'node:process';
import { Writable } from 'node:stream';

/**
 * Takes stdout for the caller alone: from now on, whatever else is printed there (a library's
 * `console.log`) lands on stderr. JSON-RPC shares its stream with nothing.
 */
export function claimStdout(): Writable {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  const claimed = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, callback) => void write(chunk, callback),
  });
  process.stdout.on('error', (error) => claimed.destroy(error));
  return claimed;
}
