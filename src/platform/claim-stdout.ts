import { Writable } from 'node:stream';
import { openStderr, openStdout } from './stdout.ts';

/**
 * Takes stdout for the caller alone: from now on, whatever else is printed there (a library's
 * `console.log`) lands on stderr. JSON-RPC shares its stream with nothing.
 */
export function claimStdout(): Writable {
  const stdout = openStdout();
  const write = stdout.write.bind(stdout);
  const stderr = openStderr();
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write;
  const claimed = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, callback) => void write(chunk, callback),
  });
  stdout.on('error', (error) => claimed.destroy(error));
  return claimed;
}
