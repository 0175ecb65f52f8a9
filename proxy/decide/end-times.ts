/**
 * When what was decided ends if the wall clock is set: a permission at the earlier one of two times, a block or a pause at the
 * later one. Neither a clock that is wrong nor one that is put right may open anything for longer than somebody has said.
 */
import type { Grant, Pause } from './grant.js';

export interface Clocks {
  /** The wall clock: milliseconds since 1970. */
  now(): number;
  /** Milliseconds that have passed, sleep included, from any time on: never set. Absent: the wall clock is taken to be right. */
  steady?(): number;
}

/** A correction of less is slewed, or is no matter. */
const STEP_MS = 1000;

export class EndTimes {
  readonly #clocks: Clocks;
  /** On the steady clock. An item that was read at the start is no older than that, nor lasts longer than it was made for. */
  readonly #ends = new WeakMap<Grant | Pause, number>();

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
  }

  /** The same item, or one whose end is where the clock says by now that it was meant to be. */
  put<T extends Grant | Pause>(item: T): T {
    const { expires, created } = item;
    const { now, steady } = this.#time();
    if (expires === null || steady === null) return item;
    const end = this.#ends.get(item) ?? steady + Math.min(expires - now, expires - created);
    this.#ends.set(item, end);
    const meant = now + end - steady;
    const isWrong = isPermission(item) ? expires > meant + STEP_MS : expires < meant - STEP_MS;
    if (!isWrong) return item;
    const put = { ...item, expires: Math.round(meant) };
    this.#ends.set(put, end);
    return put;
  }

  #time() {
    return { now: this.#clocks.now(), steady: this.#clocks.steady?.() ?? null };
  }
}

function isPermission(item: Grant | Pause): boolean {
  return 'effect' in item ? item.effect === 'allow' : item.mode === 'report';
}
