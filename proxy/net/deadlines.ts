/**
 * All deadlines of connections, in one wheel with one timer. A request has four of them and hardly any ever expires, so
 * setting and clearing one must cost next to nothing. They bound and do not time: one acts up to SLOT_MS late, never early.
 */
// The global one is a getter, which costs a fifth of what it takes to read the time.
import { performance } from 'node:perf_hooks';

export const SLOT_MS = 100;
/** A deadline beyond one turn of the wheel stays in its slot for another turn. */
const SLOTS = 512;
const UNSET = -1;

/** Called when the deadline has expired. An object, not a function: thousands of silent tunnels would each keep a closure. */
export interface Due {
  onLate(): void;
}

/** Acts when it expires, unless it is cleared before. Made once, and set each time that there is something to wait for. */
export class Deadline {
  /** Whole milliseconds, because V8 keeps those in the object itself, but a fraction or infinity in an object of its own. */
  due = UNSET;
  /** The tick at which it is looked at. It may have been set to a later time since. */
  tick = UNSET;
  before: Deadline | null = null;
  behind: Deadline | null = null;
  readonly owner: Due;
  readonly #wheel: Deadlines;

  /** Not set yet. What its owner throws becomes an uncaught exception, and does not stop other deadlines. */
  constructor(wheel: Deadlines, owner: Due) {
    this.#wheel = wheel;
    this.owner = owner;
  }

  /** Expires in `ms` from now, in place of what was set before. */
  set(ms: number): void {
    const due = Math.ceil(performance.now() + ms);
    if (this.tick !== UNSET) {
      this.due = due;
      // Looked at in time where it is, and moved only then.
      if ((this.tick - 1) * SLOT_MS <= due) return;
      this.clear();
    }
    this.#wheel.put(this, due);
  }

  clear(): void {
    this.due = UNSET;
    if (this.tick === UNSET) return;
    const { before, behind } = this;
    if (before === null) this.#wheel.slots[this.tick % SLOTS] = behind;
    else before.behind = behind;
    if (behind !== null) behind.before = before;
    this.before = null;
    this.behind = null;
    this.tick = UNSET;
  }
}

/** The timer keeps no process alive: whoever waits has a socket that does. */
export class Deadlines {
  /** The first deadline of each. */
  readonly slots: (Deadline | null)[] = Array<Deadline | null>(SLOTS).fill(null);
  /** The last tick that was looked at, and the one that the timer is set for. */
  #seen = Math.floor(performance.now() / SLOT_MS);
  #armed = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** For one that is in no slot. */
  put(deadline: Deadline, due: number): void {
    // The first tick that is later.
    const tick = Math.floor(due / SLOT_MS) + 1;
    const first = this.slots[tick % SLOTS] ?? null;
    deadline.due = due;
    deadline.tick = tick;
    deadline.behind = first;
    if (first !== null) first.before = deadline;
    this.slots[tick % SLOTS] = deadline;
    if (tick < this.#armed) this.#arm(tick);
  }

  #arm(tick: number): void {
    clearTimeout(this.#timer);
    this.#armed = tick;
    this.#timer = setTimeout(this.#turn, Math.ceil(tick * SLOT_MS - performance.now())).unref();
  }

  readonly #turn = (): void => {
    const now = performance.now();
    const tick = Math.floor(now / SLOT_MS);
    const expired: Deadline[] = [];
    for (let at = Math.max(this.#seen, tick - SLOTS) + 1; at <= tick; at++) this.#look(at, now, expired);
    this.#seen = Math.max(this.#seen, tick);
    this.#armed = Number.POSITIVE_INFINITY;
    for (const deadline of expired) act(deadline, now);
    for (let at = this.#seen + 1; at <= this.#seen + SLOTS && at < this.#armed; at++)
      if (this.slots[at % SLOTS] !== null) this.#arm(at);
  };

  /** Collects what has expired of a slot, and moves those that were set again into their new slots. */
  #look(tick: number, now: number, expired: Deadline[]): void {
    for (let deadline = this.slots[tick % SLOTS] ?? null; deadline !== null; ) {
      const { behind, due } = deadline;
      if (deadline.tick <= tick) {
        deadline.clear();
        deadline.due = due;
        if (due > now) this.put(deadline, due);
        else expired.push(deadline);
      }
      deadline = behind;
    }
  }
}

/** Throws in a tick of its own: a defect in one deadline must not stop the others, since the process goes on. */
function act(deadline: Deadline, now: number): void {
  // An earlier one may have set or cleared this one.
  if (deadline.due === UNSET || deadline.due > now) return;
  deadline.due = UNSET;
  try {
    deadline.owner.onLate();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
