/**
 * The time as records and responses write it. To format a date costs more than all else that is done for a refusal, and a
 * thousand of them have the same second.
 */
export class Clock {
  readonly #now: () => number;
  /** Since 1970; what follows is of it. */
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
