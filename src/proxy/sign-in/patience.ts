import type { IncomingRequest } from '../../rpc/incoming-request.ts';
import { isObject } from '../../rpc/message.ts';

/** How often a client hears that its request is still worth waiting for, in milliseconds. */
const TICK_MS = 5000;

/** How long it may take at least to find out where to log in, which needs no person, in milliseconds. */
const LEAST_OPENING_MS = 15_000;

/** How long a request waits for a person. */
export interface Patience {
  /** Resolves when there should be something that a person can be asked for. */
  notOpen: Promise<'late'>;
  /** Resolves when the time is up. */
  late: Promise<'late'>;
  /** Resolves when the client has withdrawn the request. */
  cancelled: Promise<'cancelled'>;
  end(): void;
}

/** Where the progress of a request's waiting begins: whatever a server says later is more. */
const FIRST_STEP = -1000;

/** The last step of each request: one may wait more than once. */
const steps = new WeakMap<IncomingRequest, number>();

/**
 * Begins to wait, and tells the client so by progress where it asked for that. Its steps are negative numbers,
 * since what the server itself says after the login must be more (specification, "Progress").
 */
export function bePatient(request: IncomingRequest, waitMs: number, message: string): Patience {
  const progressToken = tokenOf(request);
  const tell = () => {
    const progress = steps.get(request) ?? FIRST_STEP;
    if (progressToken === undefined || progress >= 0) return;
    request.progress({ progressToken, progress, message });
    steps.set(request, progress + 1);
  };
  tell();
  const ticks = setInterval(tell, TICK_MS);
  const [late, opening] = [alarm(waitMs), alarm(Math.max(waitMs, LEAST_OPENING_MS))];
  const cancelled = new Promise<'cancelled'>((resolve) => {
    request.onCancel(() => resolve('cancelled'));
  });
  const end = () => {
    clearInterval(ticks);
    late.stop();
    opening.stop();
    request.onCancel(() => undefined);
  };
  return { notOpen: opening.rings, late: late.rings, cancelled, end };
}

function alarm(milliseconds: number): { rings: Promise<'late'>; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const rings = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), milliseconds);
  });
  return { rings, stop: () => clearTimeout(timer) };
}

function tokenOf({ params }: IncomingRequest): string | number | undefined {
  const meta = params?.['_meta'];
  const token = isObject(meta) ? meta['progressToken'] : undefined;
  return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}
