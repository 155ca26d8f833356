/**
 * Calls `onLine` with each line of a byte stream, as MCP's stdio transport frames messages: ended by
 * `\n` alone. Node's readline also ends lines at U+2028 and `\r`, which may stand inside a message.
 * An unfinished last line is passed on when the stream ends. Returns when the stream has ended.
 * @param {import('node:stream').Readable} stream
 * @param {(line: string) => void} onLine
 * @returns {Promise<void>}
 */
export function readLines(stream, onLine) {
  let rest = [];
  const finish = (end) => {
    const line = Buffer.concat([...rest, end]).toString('utf8');
    rest = [];
    if (line.trim() !== '') onLine(line);
  };
  stream.on('data', (chunk) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      finish(chunk.subarray(from, at));
      from = at + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  });
  return new Promise((resolve) => {
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      finish(Buffer.alloc(0));
      resolve();
    };
    stream.on('end', end);
    stream.on('close', end);
    stream.on('error', end);
  });
}

/**
 * The value of `--name VALUE` among `argv`, true for a bare `--name`, else `fallback`.
 * @param {string[]} argv
 * @param {string} name
 * @param {string | boolean | undefined} [fallback]
 * @returns {string | boolean | undefined}
 */
export function option(argv, name, fallback) {
  const at = argv.indexOf(`--${name}`);
  if (at < 0) return fallback;
  const value = argv[at + 1];
  return value === undefined || value.startsWith('--') ? true : value;
}
