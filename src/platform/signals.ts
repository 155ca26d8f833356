/** The wishes of the user or the system that the program should end. */
export interface Interrupts {
  /** Calls back at the first one. Returns the way to stop that. */
  on(callback: () => void): () => void;
  happened(): boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Listens to the signals only while somebody wants to know of them, so that they end the program in
 * the usual way otherwise. `onSecond` is called when another comes before the first has been obeyed.
 */
export function createInterrupts(onSecond: () => void): Interrupts {
  const callbacks = new Set<() => void>();
  let happened = false;
  const handle = () => {
    if (happened) {
      onSecond();
      return;
    }
    happened = true;
    for (const callback of callbacks) callback();
  };
  return {
    on(callback) {
      if (callbacks.size === 0) for (const signal of SIGNALS) process.on(signal, handle);
      callbacks.add(callback);
      return () => {
        callbacks.delete(callback);
        if (callbacks.size === 0) for (const signal of SIGNALS) process.off(signal, handle);
      };
    },
    happened: () => happened,
  };
}
