/** How much of a body is read only so that its connection can be used again. */
const DRAIN_BYTES = 64 * 1024;

/** The whole body as text; undefined when it is larger than `limit` bytes. */
export async function readText(response: Response, limit: number): Promise<string | undefined> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  // Leaving the loop cancels the body.
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > limit) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Gets rid of a body that nobody wants; that of an event stream, which may never end, at once. */
export async function drain(response: Response): Promise<void> {
  const stream = response.headers.get('content-type')?.startsWith('text/event-stream');
  try {
    if (stream) await response.body?.cancel();
    else await readText(response, DRAIN_BYTES);
  } catch {
    // The head has arrived, which is all that was wanted.
  }
}
