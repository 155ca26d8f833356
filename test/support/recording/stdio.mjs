import { readLines } from '../lines.js';
import { createPeer } from './peer.mjs';

/** Serves the script to one client on stdin and stdout; ends with stdin. */
export async function serveStdio({ script, recorder, end }) {
  const peer = createPeer({
    script,
    recorder,
    send(message) {
      recorder.sent(message);
      process.stdout.write(`${JSON.stringify(message)}\n`);
    },
    sendRaw: (text) => process.stdout.write(`${text}\n`),
  });
  await readLines(process.stdin, (line) => {
    const message = parse(line);
    if (message === undefined) return recorder.receivedRaw(line);
    recorder.received(message);
    void peer.receive(message);
  });
  end('stdin ended');
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
