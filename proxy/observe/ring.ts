/**
 * The last decisions, in memory. Each is kept as its line of JSON and no more: a tenth of the memory of an object, and
 * no reference to the request's buffers.
 */
import { createLineStore } from './line-store.js';
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
  /** Newest first. */
  query(query: RingQuery): DecisionRecord[];
  find(id: string): DecisionRecord | null;
  /** Records newer than the one with this id, oldest first; all that are held where it is unknown. */
  since(id: string): { readonly record: DecisionRecord; readonly json: string }[];
  /** How many records of each outcome there were since the start, those no longer held included. */
  totals(): Readonly<Totals>;
  size(): number;
  subscribe(options: SubscriptionOptions): Subscription;
  subscribers(): number;
  /** Records that subscribers lost, all in all. */
  lost(): number;
}

/** `capacity`: how many records are held. */
export function createRing(capacity: number): Ring {
  const ids: string[] = [];
  const lines = createLineStore(capacity);
  let count = 0;
  const totals: Totals = { allow: 0, deny: 0, fail: 0 };
  const subscriptions = new Set<Subscription>();
  let lostBefore = 0;

  const slotOf = (age: number) => (count - 1 - age) % capacity;
  const held = () => Math.min(count, capacity);
  const read = (age: number) => parse(lines.read(age));
  const keep = (record: DecisionRecord, json: string) => {
    ids[count % capacity] = record.id;
    lines.push(json);
    count++;
  };
  const ageOf = (id: string): number | null => {
    for (let age = 0; age < held(); age++) if (ids[slotOf(age)] === id) return age;
    return null;
  };
  return {
    restore: keep,
    decision(record, json) {
      keep(record, json);
      totals[record.outcome]++;
      for (const subscription of subscriptions) subscription.offer(record, json);
    },
    // What a tunnel carried is in log and metrics; the ring is of decisions.
    closed() {},
    query(query) {
      const found: DecisionRecord[] = [];
      const start = query.before === null ? 0 : (ageOf(query.before) ?? held()) + (query.before === null ? 0 : 1);
      for (let age = start; age < held() && found.length < query.limit; age++) {
        const record = read(age);
        if (matchesFilter(query, record)) found.push(record);
      }
      return found;
    },
    find(id) {
      const age = ageOf(id);
      return age === null ? null : read(age);
    },
    since(id) {
      const entries = [];
      for (let age = (ageOf(id) ?? held()) - 1; age >= 0; age--) {
        entries.push({ record: read(age), json: lines.read(age) });
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

/** The line was written by `decisionJson`, so its shape is known. */
function parse(line: string): DecisionRecord {
  return JSON.parse(line);
}
