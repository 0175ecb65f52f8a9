/** The end: new requests are refused, and running ones are cut when their time is over. */
import { once } from 'node:events';
import type { Arrivals } from '../door/arrivals.js';
import type { UpstreamPool } from '../http/upstream-pool.js';
import type { Doors } from './doors.js';

export interface Draining {
  readonly arrivals: Arrivals;
  readonly pool: UpstreamPool;
  readonly doors: Doors;
}

/** Resolves when everything is closed. */
export async function drain({ arrivals, pool, doors }: Draining): Promise<void> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), arrivals.inForce.settings.limits.drainTimeoutMs);
  const cut = (): void => {
    arrivals.running.cut('drain');
    doors.cut();
  };
  const drained = arrivals.running.drain();
  // The deadline bounds this, too, since clients that go on asking would keep the drain from ending.
  await Promise.race([drained, once(deadline.signal, 'abort')]);
  pool.close();
  const closed = doors.close();
  doors.closeIdle();
  if (deadline.signal.aborted) cut();
  else deadline.signal.addEventListener('abort', cut);
  await Promise.all([closed, drained]);
  clearTimeout(timer);
}
