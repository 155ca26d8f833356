import { McpMasterError, toMcpMasterError } from '../../errors.ts';
import { unlessAborted } from '../unless-aborted.ts';
import type { PendingLogin } from './flow-login.ts';

/** What ends a login from this side. */
export interface Conclusion {
  /** Milliseconds that the person has. */
  patience: number;
  signal: AbortSignal;
}

/**
 * Carries out what follows a person's answer, and tells the page in the browser how the login ended:
 * also when the time is up before the answer (`LOGIN_TIMEOUT`), and when `signal` ends it.
 *
 * @param body calls `answered` when the answer is there: from then on nobody waits for the person.
 * What it resolves with saves the login, and is not interrupted any more.
 */
export async function conclude<T>(
  pending: PendingLogin,
  { patience, signal }: Conclusion,
  body: (answered: () => void) => Promise<() => Promise<T>>,
): Promise<T> {
  const timer = setTimeout(() => pending.cancel(timeoutError(patience)), patience);
  try {
    const answered = () => clearTimeout(timer);
    const save = await unlessAborted(body(answered), signal);
    const result = await save();
    pending.finish();
    return result;
  } catch (error) {
    pending.finish(toMcpMasterError(error));
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function timeoutError(patience: number): McpMasterError {
  const seconds = Math.round(patience / 1000);
  return new McpMasterError('LOGIN_TIMEOUT', `nobody came back from the browser in ${seconds} s`, {
    hint: 'Try again. If the page in the browser showed an error about the client, add --force.',
  });
}
