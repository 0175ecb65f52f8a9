/** One reader of the live stream: a bounded queue, and a count of what did not fit. */
import type { DecisionRecord } from './record.js';
import { matchesFilter, type RecordFilter } from './record-filter.js';

export interface SubscriptionOptions {
  readonly filter: RecordFilter;
  /** The most records that wait. Beyond that the reader loses plainly allowed ones first, and then the oldest. */
  readonly capacity: number;
  /** Called when a first record waits. */
  readonly wake: () => void;
}

/** A waiting record: its id and its line of JSON. */
export interface QueuedRecord {
  readonly id: string;
  readonly json: string;
  /** True: allowed without any objection, and so the first to be dropped. */
  readonly quiet: boolean;
}

export interface Subscription {
  offer(record: DecisionRecord, json: string): void;
  /** Removes and returns at most `most` waiting records, oldest first. */
  take(most: number): QueuedRecord[];
  waiting(): number;
  /** Records lost since the start. */
  lost(): number;
  close(): void;
}

export function createSubscription(options: SubscriptionOptions, onClose: () => void): Subscription {
  const { filter, capacity } = options;
  let queue: QueuedRecord[] = [];
  let lost = 0;
  let open = true;
  const shed = () => {
    if (queue.length <= capacity) return;
    lost += queue.length - capacity;
    queue = withoutLeast(queue, queue.length - capacity);
  };
  return {
    offer(record, json) {
      if (!open || !matchesFilter(filter, record)) return;
      queue.push({ id: record.id, json, quiet: record.outcome === 'allow' && record.reason === null });
      if (queue.length === 1) options.wake();
      // Half of them at once, because dropping a single one costs as much: a pass over the queue.
      if (queue.length >= capacity * 2) shed();
    },
    take(most) {
      shed();
      return queue.splice(0, most);
    },
    waiting: () => Math.min(queue.length, capacity),
    lost: () => lost,
    close() {
      if (!open) return;
      open = false;
      queue = [];
      onClose();
    },
  };
}

/** The queue without `count` records: without the oldest quiet ones first, then the oldest. */
function withoutLeast(queue: readonly QueuedRecord[], count: number): QueuedRecord[] {
  let left = count;
  const kept = queue.filter((record) => !(record.quiet && left-- > 0));
  return kept.slice(Math.max(0, kept.length - (queue.length - count)));
}
