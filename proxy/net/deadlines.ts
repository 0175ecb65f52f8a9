/**
 * All deadlines of connections, in one wheel with one timer. A request has four of them and hardly any ever expires, so
 * setting and clearing one must cost next to nothing. They bound and do not time: one acts up to SLOT_MS late, never early.
 */
import { monotonicMs } from '../observe/monotonic.js';

export const SLOT_MS = 100;
/** A deadline beyond one turn of the wheel stays in its slot for another turn. */
const SLOTS = 512;

/** Called when the deadline has expired. An object, not a function: thousands of silent tunnels would each keep a closure. */
export interface Due {
  onLate(): void;
}

/** Acts when it expires, unless it is cleared before. Made once, and set each time that there is something to wait for. */
export interface Deadline {
  /** Expires in `ms` from now, in place of what was set before. */
  set(ms: number): void;
  clear(): void;
}

/** The timer keeps no process alive: whoever waits has a socket that does. */
export class Deadlines {
  readonly #slots: (Entry | null)[] = Array<Entry | null>(SLOTS).fill(null);
  /** The last tick that was looked at, and the one that the timer is set for. */
  #seen = Math.floor(monotonicMs() / SLOT_MS);
  #armed = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** A deadline that is not set yet. What `act` throws becomes an uncaught exception, and does not stop other deadlines. */
  of(act: () => void): Deadline {
    return this.for({ onLate: act });
  }

  /** The same for an object. */
  for(due: Due): Deadline {
    return new Entry(this, due);
  }

  put(entry: Entry): void {
    const slot = entry.tick % SLOTS;
    const first = this.#slots[slot] ?? null;
    entry.behind = first;
    if (first !== null) first.before = entry;
    this.#slots[slot] = entry;
    if (entry.tick < this.#armed) this.#arm(entry.tick);
  }

  take(entry: Entry): void {
    const { before, behind } = entry;
    if (before === null) this.#slots[entry.tick % SLOTS] = behind;
    else before.behind = behind;
    if (behind !== null) behind.before = before;
    entry.before = null;
    entry.behind = null;
    entry.tick = UNSET;
  }

  #arm(tick: number): void {
    clearTimeout(this.#timer);
    this.#armed = tick;
    this.#timer = setTimeout(this.#turn, Math.ceil(tick * SLOT_MS - monotonicMs())).unref();
  }

  readonly #turn = (): void => {
    const now = monotonicMs();
    const tick = Math.floor(now / SLOT_MS);
    const met: Entry[] = [];
    for (let at = Math.max(this.#seen, tick - SLOTS) + 1; at <= tick; at++) this.#look(at, now, met);
    this.#seen = Math.max(this.#seen, tick);
    this.#armed = Number.POSITIVE_INFINITY;
    // Asked again, because an earlier one of them may have set or cleared this one.
    for (const entry of met) if (entry.isMet(now)) meet(entry);
    for (let at = this.#seen + 1; at <= this.#seen + SLOTS && at < this.#armed; at++)
      if (this.#slots[at % SLOTS] !== null) this.#arm(at);
  };

  /** Collects the expired entries of a slot, and moves those that were set again into their new slots. */
  #look(tick: number, now: number, met: Entry[]): void {
    for (let entry = this.#slots[tick % SLOTS] ?? null; entry !== null; ) {
      const { behind } = entry;
      if (entry.tick <= tick) {
        this.take(entry);
        if (entry.isMet(now)) met.push(entry);
        else entry.wait();
      }
      entry = behind;
    }
  }
}

/** Throws in a tick of its own: a defect in one deadline must not stop the others, since the process goes on. */
function meet(entry: Entry): void {
  try {
    entry.meet();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

const UNSET = -1;

/** The first tick that is later than this time. */
function tickAfter(due: number): number {
  return Math.floor(due / SLOT_MS) + 1;
}

class Entry implements Deadline {
  /** Whole milliseconds, because V8 keeps those in the object itself, but a fraction or infinity in an object of its own. */
  due = UNSET;
  /** The tick of the slot that it is in. It may have been set to a later time since. */
  tick = UNSET;
  before: Entry | null = null;
  behind: Entry | null = null;
  readonly #all: Deadlines;
  readonly #one: Due;

  constructor(all: Deadlines, one: Due) {
    this.#all = all;
    this.#one = one;
  }

  isMet(now: number): boolean {
    return this.due !== UNSET && this.due <= now;
  }

  set(ms: number): void {
    this.due = Math.ceil(monotonicMs() + ms);
    if (this.tick !== UNSET && this.tick <= tickAfter(this.due)) return;
    if (this.tick !== UNSET) this.#all.take(this);
    this.wait();
  }

  clear(): void {
    this.due = UNSET;
    if (this.tick !== UNSET) this.#all.take(this);
  }

  wait(): void {
    this.tick = tickAfter(this.due);
    this.#all.put(this);
  }

  meet(): void {
    this.due = UNSET;
    this.#one.onLate();
  }
}
