/**
 * The time as records and responses write it. Formatting a date costs more than anything else about a refusal, so it is done
 * once a second.
 */
export class Clock {
  readonly #now: () => number;
  /** Seconds since 1970, for which the following texts are made. */
  #second = Number.NaN;
  #iso = '';
  #http = '';

  /** `now`: milliseconds since 1970. */
  constructor(now: () => number = () => Date.now()) {
    this.#now = now;
  }

  /** ISO 8601 with milliseconds. */
  iso(): string {
    const ms = this.#now();
    this.#follow(ms);
    return `${this.#iso}${String(ms % 1000).padStart(3, '0')}Z`;
  }

  /** RFC 9110 section 5.6.7. */
  http(): string {
    this.#follow(this.#now());
    return this.#http;
  }

  #follow(ms: number): void {
    const second = Math.floor(ms / 1000);
    if (second === this.#second) return;
    const date = new Date(second * 1000);
    this.#second = second;
    this.#iso = date.toISOString().slice(0, -'000Z'.length);
    this.#http = date.toUTCString();
  }
}
