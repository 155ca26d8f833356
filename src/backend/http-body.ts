import type { Readable } from 'node:stream';
import { McpMasterError } from '../errors.ts';
import type { HttpResponse } from './http.ts';

/** How long a body that nobody reads may take to end, so that its connection can be used again. */
const DISCARD_MS = 5_000;

/** A message or event beyond the limit. */
export function tooLargeError(limit: number): McpMasterError {
  const size = `${Math.floor(limit / (1024 * 1024))} MB`;
  return new McpMasterError('MESSAGE_TOO_LARGE', `the answer is larger than ${size}`, {
    hint: 'Ask for less at once: a filter, a range, or a smaller page.',
  });
}

/**
 * Hands each chunk to `onChunk` as it arrives and resolves at the end of the body. Rejects when the
 * body fails, with what `onChunk` throws, or (with the signal's reason) when it is destroyed; the
 * body is destroyed in each of these cases.
 */
export function readChunks(body: Readable, onChunk: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    // What happened between the head of the answer and now has raised its events already.
    if (body.destroyed) {
      reject(body.errored ?? prematureClose());
      return;
    }
    body.on('data', (chunk: Buffer) => {
      // A stream may still hand on what it holds when it has been destroyed.
      if (body.destroyed) return;
      try {
        onChunk(chunk);
      } catch (error) {
        reject(error);
        body.destroy();
      }
    });
    body.once('end', resolve);
    body.once('error', reject);
    body.once('close', () => {
      if (!body.readableEnded) reject(body.errored ?? prematureClose());
    });
  });
}

function prematureClose(): Error {
  return Object.assign(new Error('premature close'), { code: 'ERR_STREAM_PREMATURE_CLOSE' });
}

/**
 * The whole body as UTF-8 text, without a byte order mark. Rejects with `MESSAGE_TOO_LARGE` beyond
 * `limit` bytes.
 */
export async function readText(response: HttpResponse, limit: number): Promise<string> {
  const { body } = response;
  if (Number(response.headers['content-length']) > limit) {
    body.destroy();
    throw tooLargeError(limit);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  await readChunks(body, (chunk) => {
    size += chunk.length;
    if (size > limit) throw tooLargeError(limit);
    chunks.push(chunk);
  });
  const [first] = chunks;
  const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size);
  const text = bytes.toString('utf8');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** Lets a body that nobody wants run out, so that its connection is free again, or cuts it. */
export function discard(body: Readable): void {
  if (body.readableEnded || body.destroyed) return;
  const timer = setTimeout(() => body.destroy(), DISCARD_MS);
  timer.unref();
  body.on('error', () => {});
  body.once('close', () => clearTimeout(timer));
  body.resume();
}
