/** The end: what is new is refused, what runs has its time, and then it is cut. */
import { once } from 'node:events';
import type { Arrivals } from '../door/arrivals.js';
import type { UpstreamPool } from '../http/upstream-pool.js';
import type { Doors } from './doors.js';

export interface Draining {
  readonly arrivals: Arrivals;
  readonly pool: UpstreamPool;
  readonly doors: Doors;
}

/** Resolves when all is closed. */
export async function drain({ arrivals, pool, doors }: Draining): Promise<void> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), arrivals.settings().limits.drainTimeoutMs);
  const cut = (): void => {
    arrivals.running.cut('drain');
    doors.cut();
  };
  const drained = arrivals.running.drain();
  // Clients that keep asking keep the drain from its end: the deadline holds for them as well.
  await Promise.race([drained, once(deadline.signal, 'abort')]);
  pool.close();
  const closed = doors.close();
  doors.closeIdle();
  if (deadline.signal.aborted) cut();
  else deadline.signal.addEventListener('abort', cut);
  await Promise.all([closed, drained]);
  clearTimeout(timer);
}
