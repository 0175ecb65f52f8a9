/** Time, so that a minute need not be waited for. */
import { setTimeout } from 'node:timers/promises';
import { ApiFailure } from './failure.js';

export interface Clock {
  /** Milliseconds, from anywhere; never goes back. */
  now(): number;
  /** Resolves after that time, or when `signal` aborts. Keeps no process alive. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** For who creates it: between two looks, the longer time counts. */
export function createClock(clocks: Clocks = CLOCKS): Clock {
  let passed = 0;
  let last = { running: clocks.running(), wall: clocks.wall() };
  return {
    now() {
      const next = { running: clocks.running(), wall: clocks.wall() };
      passed += Math.max(0, next.running - last.running, next.wall - last.wall);
      last = next;
      return passed;
    },
    wait: (ms, signal) => setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined),
  };
}

/** In milliseconds. */
interface Clocks {
  /** Stands still while the machine sleeps. */
  running(): number;
  /** Goes on, and back where somebody sets it. */
  wall(): number;
}

const CLOCKS: Clocks = { running: () => performance.now(), wall: () => Date.now() };

/** `work` with a signal that aborts with `signal`, or after `ms`: then it has failed as `slow`, whatever it throws. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const ended = new AbortController();
  const stop = (): void => deadline.abort();
  // Not AbortSignal.any: `signal` is as old as the watch, and on Node 20 and 22 it keeps something of each that is made of it.
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  void clock.wait(ms, ended.signal).then(() => {
    if (!ended.signal.aborted) stop();
  });
  try {
    return await work(deadline.signal);
  } catch (error) {
    throw deadline.signal.aborted ? new ApiFailure('slow') : error;
  } finally {
    signal.removeEventListener('abort', stop);
    ended.abort();
  }
}

const FIRST_MS = 250;
const MOST_MS = 10_000;

/** How long to wait after the n-th failure in a row: twice as long each time, and never the same for two replicas. */
export class BackOff {
  #ms = FIRST_MS;

  reset(): void {
    this.#ms = FIRST_MS;
  }

  /** `least`: what the server asks for. */
  next(least: number | null): number {
    const ms = Math.max(this.#ms, least ?? 0);
    this.#ms = Math.min(this.#ms * 2, MOST_MS);
    return ms * (0.5 + Math.random() / 2) + (least === null ? 0 : ms / 2);
  }
}
