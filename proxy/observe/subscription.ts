/** One reader of the live stream: a bounded queue, and a count of what did not fit. */
import type { DecisionRecord } from './record.js';
import { matchesFilter, type RecordFilter } from './record-filter.js';

export interface SubscriptionOptions {
  readonly filter: RecordFilter;
  /** Most records that wait. Beyond that the reader loses what was simply allowed first, and the oldest next. */
  readonly capacity: number;
  /** Called when a record waits after none did. */
  readonly wake: () => void;
}

/** A record as it waits: its id and its line of JSON. */
export interface QueuedRecord {
  readonly id: string;
  readonly json: string;
  /** Allowed, and nothing to say against it: the first to go where not all fit. */
  readonly quiet: boolean;
}

export interface Subscription {
  offer(record: DecisionRecord, json: string): void;
  /** At most `most` records that wait, oldest first; they wait no more. */
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
      // Half at once: shedding one by one would cost as much each time as there are records.
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

/** The queue less `count` records: the oldest quiet ones first, then the oldest. */
function withoutLeast(queue: readonly QueuedRecord[], count: number): QueuedRecord[] {
  let left = count;
  const kept = queue.filter((record) => !(record.quiet && left-- > 0));
  return kept.slice(Math.max(0, kept.length - (queue.length - count)));
}
