/**
 * The last decisions, in memory. Each is held only as its line of JSON, which takes a tenth of the memory of an object and
 * refers to none of the request's buffers. Records that are kept apart are held longer, and follow as the oldest ones.
 */
import { createLineStore, type LineStore } from './line-store.js';
import type { Observer } from './observe.js';
import { type DecisionRecord, isReported } from './record.js';
import { matchesFilter, type RecordFilter } from './record-filter.js';
import { createSubscription, type Subscription, type SubscriptionOptions } from './subscription.js';

export interface RingQuery extends RecordFilter {
  readonly limit: number;
  /** Only records older than the one with this id; none if that is no longer held. */
  readonly before: string | null;
}

export interface Totals {
  allow: number;
  deny: number;
  fail: number;
  /** How many of those allowed would have been refused in mode `enforce`. */
  reported: number;
}

export interface Ring extends Observer {
  /** Adds a record of an earlier run before all new ones. It is neither counted nor sent to subscribers. */
  restore(record: DecisionRecord, json: string): void;
  kept(record: DecisionRecord, json: string): void;
  /** Newest first. */
  query(query: RingQuery): DecisionRecord[];
  find(id: string): DecisionRecord | null;
  /** Records newer than the one with this id, oldest first; all that are held if the id is unknown. */
  since(id: string): { readonly record: DecisionRecord; readonly json: string }[];
  /** How many requests of each outcome there were since the start, including those without a record or no longer held. */
  totals(): Readonly<Totals>;
  size(): number;
  subscribe(options: SubscriptionOptions): Subscription;
  subscribers(): number;
  /** How many records all subscribers together have lost. */
  lost(): number;
}

/** The most records that are kept apart; below, the part of the memory that they have in addition. */
const MOST_KEPT = 1000;
const KEPT_PART = 4;
/** Five thousand ordinary records take half of it. Fewer fit if somebody makes names with a hundred addresses. */
const BYTES = 4 * 1024 * 1024;

/** `capacity`: the most records that are held, with no more than `bytes` in all. */
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
    // The ring holds decisions only; close records are in log and metrics.
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

/** Recent lines, followed by those that are kept apart and are no longer among them. */
class Held {
  readonly #recent: Shelf;
  readonly #apart: Shelf;
  /** How many of those kept apart, counted from the newest, are still among the recent ones. */
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

  /** Keeps apart the line that was pushed last. */
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

  /** Counts again, as the oldest lines that were on both shelves may no longer be among the recent ones. */
  #compare(): void {
    this.#both = Math.min(this.#both, this.#apart.size);
    const left = this.#recent.count - this.#recent.size;
    while (this.#both > 0 && this.#apart.orderOf(this.#both - 1) <= left) this.#both -= 1;
  }
}

/** Lines with their ids and their numbers in the order of all records, the newest first. */
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

/** Not checked, since `decisionJson` has written the line. */
function parse(line: string): DecisionRecord {
  return JSON.parse(line);
}
