import { createInterface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import { McpMasterError } from '../errors.ts';

/** Asks on a terminal for something that is not shown while it is typed. Rejects on Ctrl-C. */
export async function askHidden(
  question: string,
  input: Readable,
  output: Writable,
): Promise<string> {
  // What readline would echo goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal: true });
  // Not before the terminal has stopped its own echo.
  output.write(question);
  try {
    return await new Promise((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(interrupted()));
      lines.once('close', () => reject(interrupted()));
    });
  } finally {
    lines.close();
    output.write('\n');
  }
}

function interrupted(): McpMasterError {
  return new McpMasterError('INTERRUPTED', 'nothing was typed, and nothing was stored');
}
