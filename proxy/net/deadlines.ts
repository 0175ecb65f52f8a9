/**
 * Every deadline of a connection, in one wheel with one timer: a request has four of them and hardly any is ever met, so
 * to set and to clear one must cost next to nothing. They are bounds and no clocks: one acts up to SLOT_MS late, never early.
 */

export const SLOT_MS = 100;
/** What is due later than one turn of the wheel stays in its slot for another turn. */
const SLOTS = 512;

/** Who waits. An object and no function: thousands of silent tunnels would each keep a closure. */
export interface Due {
  onLate(): void;
}

/** Something that happens unless it is cleared before. Made once, and set as often as there is something to wait for. */
export interface Deadline {
  /** In `ms` from now, in place of what was set before. */
  set(ms: number): void;
  clear(): void;
}

/** The timer keeps no process alive: what waits has a socket that does. */
export class Deadlines {
  readonly #slots: (Entry | null)[] = Array<Entry | null>(SLOTS).fill(null);
  /** The ticks that have been looked at, and the one that the timer is set for. */
  #seen = Math.floor(performance.now() / SLOT_MS);
  #armed = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** One that is not set yet. What `act` throws is an uncaught exception of the process, and keeps no other one from acting. */
  of(act: () => void): Deadline {
    return this.for({ onLate: act });
  }

  /** The same. */
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
    this.#timer = setTimeout(this.#turn, Math.ceil(tick * SLOT_MS - performance.now())).unref();
  }

  readonly #turn = (): void => {
    const now = performance.now();
    const tick = Math.floor(now / SLOT_MS);
    const met: Entry[] = [];
    for (let at = Math.max(this.#seen, tick - SLOTS) + 1; at <= tick; at++) this.#look(at, now, met);
    this.#seen = Math.max(this.#seen, tick);
    this.#armed = Number.POSITIVE_INFINITY;
    // What one of them does may set or clear another one.
    for (const entry of met) if (entry.isMet(now)) meet(entry);
    for (let at = this.#seen + 1; at <= this.#seen + SLOTS && at < this.#armed; at++)
      if (this.#slots[at % SLOTS] !== null) this.#arm(at);
  };

  /** Takes what is met out of its slot, and puts what was newly set into its own. */
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

/** A defect in one of them must not end the bounds of all the others: the process goes on after it. */
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

/** The first one that a time is before. */
function tickAfter(due: number): number {
  return Math.floor(due / SLOT_MS) + 1;
}

class Entry implements Deadline {
  /** Whole milliseconds, which V8 keeps in the object itself; a fraction or infinity would be an object of its own. */
  due = UNSET;
  /** Where it is; it may have been set to a later time since. */
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
    this.due = Math.ceil(performance.now() + ms);
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
