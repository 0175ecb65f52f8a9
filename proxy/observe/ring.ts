/**
 * The last decisions, in memory. Each is held as its line of JSON and no more: a tenth of the memory of an object, and
 * no reference to the request's buffers. Those that are kept apart are held longer, and read as older ones.
 */
import { createLineStore, type LineStore } from './line-store.js';
import type { Observer } from './observe.js';
import { type DecisionRecord, isReported } from './record.js';
import { matchesFilter, type RecordFilter } from './record-filter.js';
import { createSubscription, type Subscription, type SubscriptionOptions } from './subscription.js';

export interface RingQuery extends RecordFilter {
  readonly limit: number;
  /** Only records older than the one with this id; an id that is no longer held gives none. */
  readonly before: string | null;
}

export interface Totals {
  allow: number;
  deny: number;
  fail: number;
  /** Of those allowed: what enforcement would have refused, in mode `report`. */
  reported: number;
}

export interface Ring extends Observer {
  /** A record of an earlier run, older than all that follow: kept, but neither counted nor sent to subscribers. */
  restore(record: DecisionRecord, json: string): void;
  kept(record: DecisionRecord, json: string): void;
  /** Newest first. */
  query(query: RingQuery): DecisionRecord[];
  find(id: string): DecisionRecord | null;
  /** Records newer than the one with this id, oldest first; all that are held where it is unknown. */
  since(id: string): { readonly record: DecisionRecord; readonly json: string }[];
  /** How many requests of each outcome there were since the start, those without a record or no longer held included. */
  totals(): Readonly<Totals>;
  size(): number;
  subscribe(options: SubscriptionOptions): Subscription;
  subscribers(): number;
  /** Records that subscribers lost, all in all. */
  lost(): number;
}

/** Records that are held apart from the others, and the part of the memory that they have beside them. */
const MOST_KEPT = 1000;
const KEPT_PART = 4;
/** Five thousand ordinary records take half of it; names with a hundred addresses, made for it, are fewer. */
const BYTES = 4 * 1024 * 1024;

/** `capacity`: how many records are held, of no more than `bytes`. */
export function createRing(capacity: number, bytes = BYTES): Ring {
  const held = new Held(capacity, bytes);
  const totals: Totals = { allow: 0, deny: 0, fail: 0, reported: 0 };
  const subscriptions = new Set<Subscription>();
  let lostBefore = 0;

  return {
    restore: (record, json) => held.push(record.id, json),
    decision(record, json) {
      held.push(record.id, json);
      totals[record.outcome] += 1 + (record.repeats ?? 0);
      if (isReported(record)) totals.reported += 1 + (record.repeats ?? 0);
      for (const subscription of subscriptions) subscription.offer(record, json);
    },
    kept: (record, json) => held.keep(record.id, json),
    // What a tunnel carried is in log and metrics; the ring is of decisions.
    closed() {},
    query(query) {
      const found: DecisionRecord[] = [];
      const { size } = held;
      const start = query.before === null ? 0 : (held.ageOf(query.before) ?? size) + 1;
      for (let age = start; age < size && found.length < query.limit; age++) {
        const record = parse(held.read(age));
        if (matchesFilter(query, record)) found.push(record);
      }
      return found;
    },
    find(id) {
      const age = held.ageOf(id);
      return age === null ? null : parse(held.read(age));
    },
    since(id) {
      const entries = [];
      for (let age = (held.ageOf(id) ?? held.size) - 1; age >= 0; age--) {
        const json = held.read(age);
        entries.push({ record: parse(json), json });
      }
      return entries;
    },
    totals: () => totals,
    size: () => held.size,
    subscribe(options) {
      const subscription = createSubscription(options, () => {
        subscriptions.delete(subscription);
        lostBefore += subscription.lost();
      });
      subscriptions.add(subscription);
      return subscription;
    },
    subscribers: () => subscriptions.size,
    lost: () => [...subscriptions].reduce((sum, subscription) => sum + subscription.lost(), lostBefore),
  };
}

/** Recent lines, and those that are kept apart as older ones. */
class Held {
  readonly #recent: Shelf;
  readonly #apart: Shelf;
  /** How many of those apart are among the recent ones as well: the newest. */
  #both = 0;

  constructor(capacity: number, bytes: number) {
    this.#recent = new Shelf(capacity, bytes);
    this.#apart = new Shelf(MOST_KEPT, bytes / KEPT_PART);
  }

  get size(): number {
    return this.#recent.size + this.#apart.size - this.#both;
  }

  push(id: string, json: string): void {
    this.#recent.push(id, json, this.#recent.count + 1);
    this.#compare();
  }

  /** Of the line that was pushed last. */
  keep(id: string, json: string): void {
    this.#apart.push(id, json, this.#recent.count);
    this.#both += 1;
    this.#compare();
  }

  read(age: number): string {
    const { size } = this.#recent;
    return age < size ? this.#recent.read(age) : this.#apart.read(age - size + this.#both);
  }

  ageOf(id: string): number | null {
    const age = this.#recent.ageOf(id);
    if (age !== null) return age;
    const apart = this.#apart.ageOf(id);
    return apart === null || apart < this.#both ? null : this.#recent.size + apart - this.#both;
  }

  /** The oldest of those that are on both shelves may have left the recent ones. */
  #compare(): void {
    this.#both = Math.min(this.#both, this.#apart.size);
    const left = this.#recent.count - this.#recent.size;
    while (this.#both > 0 && this.#apart.orderOf(this.#both - 1) <= left) this.#both -= 1;
  }
}

/** Lines with their ids and their place in the order of all records, the newest first. */
class Shelf {
  readonly #capacity: number;
  readonly #lines: LineStore;
  readonly #ids: string[] = [];
  readonly #orders: number[] = [];
  count = 0;

  constructor(capacity: number, bytes: number) {
    this.#capacity = capacity;
    this.#lines = createLineStore(capacity, bytes);
  }

  get size(): number {
    return this.#lines.size();
  }

  push(id: string, json: string, order: number): void {
    const slot = this.count % this.#capacity;
    this.#ids[slot] = id;
    this.#orders[slot] = order;
    this.#lines.push(json);
    this.count += 1;
  }

  read(age: number): string {
    return this.#lines.read(age);
  }

  orderOf(age: number): number {
    return this.#orders[this.#slotOf(age)] ?? 0;
  }

  ageOf(id: string): number | null {
    for (let age = 0; age < this.size; age++) if (this.#ids[this.#slotOf(age)] === id) return age;
    return null;
  }

  #slotOf(age: number): number {
    return (this.count - 1 - age) % this.#capacity;
  }
}

/** The line was written by `decisionJson`, so its shape is known. */
function parse(line: string): DecisionRecord {
  return JSON.parse(line);
}
