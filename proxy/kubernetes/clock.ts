/** Time as an object, so that tests need not wait for a minute. */
import { setTimeout } from 'node:timers/promises';
import { ApiFailure } from './failure.js';

export interface Clock {
  /** Milliseconds since no particular time; never goes back. */
  now(): number;
  /** Resolves after `ms`, or when `signal` aborts. Keeps no process alive. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** Between two calls of `now`, the clock that went further counts: sleep is included, and a clock set back does no harm. */
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
  /** Stops while the machine sleeps. */
  running(): number;
  /** Goes on meanwhile, but can be set back. */
  wall(): number;
}

const CLOCKS: Clocks = { running: () => performance.now(), wall: () => Date.now() };

/** Runs `work` with a signal that aborts with `signal`, or after `ms`, when it fails as `slow` whatever it throws. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const ended = new AbortController();
  const stop = (): void => deadline.abort();
  // Not AbortSignal.any: on Node 20 and 22 the long-lived `signal` would keep something of each signal made from it.
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

/** How long to wait after the n-th failure in a row: doubled each time, and random, so that replicas do not act together. */
export class BackOff {
  #ms = FIRST_MS;

  reset(): void {
    this.#ms = FIRST_MS;
  }

  /** `least`: the least that the server asks for. */
  next(least: number | null): number {
    const ms = Math.max(this.#ms, least ?? 0);
    this.#ms = Math.min(this.#ms * 2, MOST_MS);
    return ms * (0.5 + Math.random() / 2) + (least === null ? 0 : ms / 2);
  }
}
