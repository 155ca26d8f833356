/**
 * The outcome of `work`, unless `signal` is aborted before: then it rejects with what `toError` makes
 * of the signal's reason, and nobody waits for the work any more.
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  toError: (reason: unknown) => unknown = (reason) => reason,
): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(toError(signal.reason));
  });
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The outcome of `work` if it comes within some milliseconds, else `later`. */
export async function soon<T>(work: Promise<T>, milliseconds: number): Promise<T | 'later'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'later'>((resolve) => {
    timer = setTimeout(() => resolve('later'), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
