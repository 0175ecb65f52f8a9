/** What records and responses bear of the time: a text, and an id that sorts by it. */

/** The time as text. Formatting a date costs more than anything else about a refusal, so it is done once a second. */
export class Clock {
  readonly #now: () => number;
  /** Milliseconds since 1970, for which `#text` is made; seconds, for which the texts after it are. */
  #at = Number.NaN;
  #text = '';
  #second = Number.NaN;
  #iso = '';
  #http = '';

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** ISO 8601 with milliseconds. */
  iso(): string {
    const ms = this.#now();
    if (ms === this.#at) return this.#text;
    if (Math.floor(ms / 1000) !== this.#second) this.#follow(ms);
    this.#at = ms;
    this.#text = `${this.#iso}${String(ms % 1000).padStart(3, '0')}Z`;
    return this.#text;
  }

  /** RFC 9110 section 5.6.7. */
  http(): string {
    const ms = this.#now();
    if (Math.floor(ms / 1000) !== this.#second) this.#follow(ms);
    return this.#http;
  }

  #follow(ms: number): void {
    this.#second = Math.floor(ms / 1000);
    const date = new Date(this.#second * 1000);
    this.#iso = date.toISOString().slice(0, -'000Z'.length);
    this.#http = date.toUTCString();
  }
}

/** Of an id: the process's own digits. */
const DIGITS = 5;

/**
 * Makes a new decision id at each call, short, unique among all instances, and sorted by time as text: milliseconds since 1970
 * and a counter, in base 36 and of fixed length; then `instance`, the process's own digits, since two instances may decide in
 * the same millisecond.
 */
export function createIds(now: () => number = Date.now, instance = randomDigits()): () => string {
  let last = -1;
  let prefix = '';
  let count = 0;
  return () => {
    const time = Math.max(now(), last);
    count = time === last ? count + 1 : 0;
    if (time !== last) prefix = time.toString(36).padStart(9, '0');
    last = time;
    return `${prefix}-${COUNTS[count] ?? counted(count)}-${instance}`;
  };
}

function counted(count: number): string {
  return count.toString(36).padStart(4, '0');
}

/** Counters as text for one millisecond, which seldom needs more. */
const COUNTS = Array.from({ length: 36 }, (_, count) => counted(count));

/**
 * One of 60 million: among ten replicas, two are the same in one of 1.3 million deployments. An id is no secret, and
 * node:crypto would have to be loaded for it before the first request.
 */
function randomDigits(): string {
  return Math.floor(Math.random() * 36 ** DIGITS)
    .toString(36)
    .padStart(DIGITS, '0');
}
