/**
 * The last decisions, in memory. Each is held as its line of JSON and no more: a tenth of the memory of an object, and
 * no reference to the request's buffers. Those that are kept apart are held longer, and read as older ones.
 */
import { createLineStore, type LineStore } from './line-store.js';
import type { Observer } from './observe.js';
import type { DecisionRecord } from './record.js';
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
}

export interface Ring extends Observer {
  /** A record of an earlier run, older than all that follow: held, but neither counted nor told to subscribers. */
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
  const recent = new Shelf(capacity, bytes);
  const apart = new Shelf(MOST_KEPT, bytes / KEPT_PART);
  const totals: Totals = { allow: 0, deny: 0, fail: 0 };
  const subscriptions = new Set<Subscription>();
  let lostBefore = 0;

  /** Of those apart, only what is not among the recent ones any more: all older than these. */
  const olderApart = (): number => {
    let age = 0;
    while (age < apart.size && apart.orderOf(age) > recent.count - recent.size) age++;
    return age;
  };
  const held = (): number => recent.size + apart.size - olderApart();
  const keep = (record: DecisionRecord, json: string): void => recent.push(record.id, json, recent.count + 1);
  const lineAt = (age: number, skipped: number): string =>
    age < recent.size ? recent.read(age) : apart.read(age - recent.size + skipped);
  const ageOf = (id: string): number | null => {
    const age = recent.ageOf(id);
    if (age !== null) return age;
    const [ageApart, skipped] = [apart.ageOf(id), olderApart()];
    return ageApart === null || ageApart < skipped ? null : recent.size + ageApart - skipped;
  };
  return {
    restore: keep,
    decision(record, json) {
      keep(record, json);
      totals[record.outcome] += 1 + (record.repeats ?? 0);
      for (const subscription of subscriptions) subscription.offer(record, json);
    },
    kept: (record, json) => apart.push(record.id, json, recent.count),
    // What a tunnel carried is in log and metrics; the ring is of decisions.
    closed() {},
    query(query) {
      const found: DecisionRecord[] = [];
      const [all, skipped] = [held(), olderApart()];
      const start = query.before === null ? 0 : (ageOf(query.before) ?? all) + 1;
      for (let age = start; age < all && found.length < query.limit; age++) {
        const record = parse(lineAt(age, skipped));
        if (matchesFilter(query, record)) found.push(record);
      }
      return found;
    },
    find(id) {
      const age = ageOf(id);
      return age === null ? null : parse(lineAt(age, olderApart()));
    },
    since(id) {
      const entries = [];
      const skipped = olderApart();
      for (let age = (ageOf(id) ?? held()) - 1; age >= 0; age--) {
        const json = lineAt(age, skipped);
        entries.push({ record: parse(json), json });
      }
      return entries;
    },
    totals: () => totals,
    size: held,
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
