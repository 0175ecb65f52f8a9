/** Writes records of one kind singly up to an allowance, and counts those beyond it. */
import { LRUCache } from 'lru-cache';

/** The most records in one interval: with the same key, of one client, and of all. Records of one `kind` share it. */
export interface Allowance {
  readonly kind: string;
  readonly same: number;
  readonly client: number;
  readonly all: number;
  /** What every client may have, however much the others flood. */
  readonly least: number;
}

export interface FoldRules<T> {
  write(record: T): void;
  /** The key of who asks. */
  client(record: T): string;
  /** The record for requests to different destinations. */
  withoutDestination(record: T): T;
  /** Two records as one, which keeps what the later one says. */
  merge(before: T, record: T): T;
  /** The record, marked as standing for so many more. */
  withRepeats(record: T, repeats: number): T;
}

export interface FoldOptions {
  /** How long records beyond the allowance are counted before one record is written for them. Milliseconds, as `now`. */
  readonly intervalMs: number;
  readonly now: () => number;
  /** Memory for the counts. */
  readonly memoryBytes: number;
}

/** What was written and counted for one key in the interval that began at `since`. */
interface Count<T> {
  since: number;
  written: number;
  waiting: { record: T; more: number } | null;
}

/** The memory of an entry beside its key: a record, and what is around it. */
const ENTRY_BYTES = 1024;
const LOOK_EVERY_MS = 1000;

export class Fold<T> {
  readonly #rules: FoldRules<T>;
  readonly #options: FoldOptions;
  readonly #counts: LRUCache<string, Count<T>>;
  readonly #waiting = new Set<Count<T>>();
  #timer: NodeJS.Timeout | null = null;

  constructor(rules: FoldRules<T>, options: FoldOptions) {
    this.#rules = rules;
    this.#options = options;
    this.#counts = new LRUCache({
      maxSize: options.memoryBytes,
      sizeCalculation: (_count, key) => ENTRY_BYTES + 2 * key.length,
      // What other keys push out is written before it is forgotten.
      dispose: (count) => this.#writeWaiting(count),
      noDisposeOnSet: true,
    });
  }

  /**
   * `most`: the allowance that the record takes from. `same`: a key of who asks with all that was asked and answered; `alike`:
   * that without the destination.
   */
  offer(record: T, most: Allowance, alike: string, same: string): void {
    const ofSame = this.#counts.get(same);
    if (ofSame === undefined || ofSame.waiting === null || ofSame.written < most.same) {
      this.#offerSingly(record, most, alike, same);
      return;
    }
    // Where nearly all records of a flood end: no other key is made, and no clock read.
    ofSame.waiting.record = this.#rules.merge(ofSame.waiting.record, record);
    ofSame.waiting.more += 1;
  }

  #offerSingly(record: T, most: Allowance, alike: string, same: string): void {
    const ofSame = this.#peek(same);
    if (ofSame !== null && ofSame.written >= most.same) {
      this.#wait(ofSame, record);
      return;
    }
    const ofClient = this.#count(`${most.kind} ${this.#rules.client(record)}`);
    const ofAll = this.#count(most.kind);
    // Nobody gets more than what is left for the others, and everybody gets a few.
    if (ofClient.written >= Math.max(most.least, Math.min(most.client, most.all - ofAll.written))) {
      this.#wait(this.#count(alike), this.#rules.withoutDestination(record));
      return;
    }
    for (const count of [ofClient, ofAll, ofSame ?? this.#count(same)]) count.written += 1;
    this.#rules.write(record);
  }

  /** Writes everything that waits, at the end. */
  flush(): void {
    for (const count of [...this.#waiting]) this.#writeWaiting(count);
  }

  /** The count of a key in the current interval; null if there is none. */
  #peek(key: string): Count<T> | null {
    const count = this.#counts.get(key);
    if (count === undefined) return null;
    if (count.waiting === null && this.#isOver(count)) {
      count.since = this.#options.now();
      count.written = 0;
    }
    return count;
  }

  #count(key: string): Count<T> {
    const known = this.#peek(key);
    if (known !== null) return known;
    const count: Count<T> = { since: this.#options.now(), written: 0, waiting: null };
    this.#counts.set(key, count);
    return count;
  }

  #isOver({ since }: Count<T>): boolean {
    return this.#options.now() - since >= this.#options.intervalMs;
  }

  #wait(count: Count<T>, record: T): void {
    const { waiting } = count;
    if (waiting !== null) {
      waiting.record = this.#rules.merge(waiting.record, record);
      waiting.more += 1;
      return;
    }
    count.waiting = { record, more: 0 };
    this.#waiting.add(count);
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
  }

  /** Writes what has waited for an interval. After one in which none waited, records of a key are written singly again. */
  #look(): void {
    for (const count of [...this.#waiting]) {
      if (!this.#isOver(count)) continue;
      this.#writeWaiting(count);
      count.since = this.#options.now();
    }
    if (this.#waiting.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #writeWaiting(count: Count<T>): void {
    const { waiting } = count;
    this.#waiting.delete(count);
    count.waiting = null;
    if (waiting !== null) this.#rules.write(this.#rules.withRepeats(waiting.record, waiting.more));
  }
}
