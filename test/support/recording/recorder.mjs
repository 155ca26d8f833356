import { appendFileSync } from 'node:fs';

/**
 * Writes the record of recording-backend.mjs. Synchronously, so that it is whole when the process
 * is killed; without a file it records nothing.
 */
export function createRecorder(file) {
  const started = performance.now();
  const write = (entry) => {
    if (!file) return;
    const t = Math.round(performance.now() - started);
    appendFileSync(file, `${JSON.stringify({ t, ...entry })}\n`);
  };
  return {
    received: (message, about = {}) => write({ dir: 'in', message, ...about }),
    receivedRaw: (raw, about = {}) => write({ dir: 'in', raw, ...about }),
    sent: (message, about = {}) => write({ dir: 'out', message, ...about }),
    event: (event, about = {}) => write({ event, ...about }),
  };
}
