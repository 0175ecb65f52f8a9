/** One reader of the live stream: a bounded queue, and a count of what did not fit. */
import type { DecisionRecord } from './record.js';
import { matchesFilter, type RecordFilter } from './record-filter.js';

export interface SubscriptionOptions {
  readonly filter: RecordFilter;
  /** Most lines that wait; beyond that the reader loses the oldest. */
  readonly capacity: number;
  /** Called when a line is there after there was none. */
  readonly wake: () => void;
}

export interface Subscription {
  offer(record: DecisionRecord, json: string): void;
  /** At most `most` lines that wait, oldest first; they wait no more. */
  take(most: number): string[];
  waiting(): number;
  /** Lines lost since the start. */
  lost(): number;
  close(): void;
}

export function createSubscription(options: SubscriptionOptions, onClose: () => void): Subscription {
  let queue: string[] = [];
  let lost = 0;
  let open = true;
  return {
    offer(record, json) {
      if (!open || !matchesFilter(options.filter, record)) return;
      if (queue.length >= options.capacity * 2) {
        // Half at once: dropping one by one from the front would cost as much as there are lines.
        lost += queue.length - options.capacity;
        queue = queue.slice(-options.capacity);
      }
      queue.push(json);
      if (queue.length === 1) options.wake();
    },
    take(most) {
      const over = queue.length - options.capacity;
      if (over > 0) {
        lost += over;
        queue = queue.slice(-options.capacity);
      }
      return queue.splice(0, most);
    },
    waiting: () => queue.length,
    lost: () => lost,
    close() {
      if (!open) return;
      open = false;
      queue = [];
      onClose();
    },
  };
}
