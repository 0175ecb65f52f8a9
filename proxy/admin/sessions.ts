/**
 * The browsers that have shown the token. Each has a cookie that is random and its own; none outlives the process, its
 * token, its sign-out, a working day, or two hours in which nothing was asked with it.
 */
import { createHash, randomBytes } from 'node:crypto';

const LONGEST_MS = 12 * 3_600_000;
const LONGEST_IDLE_MS = 2 * 3_600_000;
/** The one that was used longest ago makes room. */
const MOST_SESSIONS = 100;

interface Session {
  /** A token may be taken out of the configuration, and its sessions with it. */
  readonly token: string;
  readonly since: number;
  readonly seen: number;
}

export class Sessions {
  readonly #now: () => number;
  /** By a digest of the cookie, which is looked up and not compared: no time that it takes tells anything of it. */
  readonly #open = new Map<string, Session>();

  /** `now`: in milliseconds. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** For whoever has shown `token`: the value of a new cookie. */
  start(token: string): string {
    const value = randomBytes(32).toString('hex');
    const now = this.#now();
    this.#open.set(digest(value), { token: digest(token), since: now, seen: now });
    const [oldest] = this.#open.keys();
    if (this.#open.size > MOST_SESSIONS && oldest !== undefined) this.#open.delete(oldest);
    return value;
  }

  /** True for the cookie of an open session of one of these tokens. */
  isOpen(value: string, tokens: readonly string[]): boolean {
    const key = digest(value);
    const session = this.#open.get(key);
    if (session === undefined) return false;
    const now = this.#now();
    const isOver = now - session.since >= LONGEST_MS || now - session.seen >= LONGEST_IDLE_MS;
    if (!isOver && tokens.some((token) => digest(token) === session.token)) return true;
    this.#open.delete(key);
    return false;
  }

  /** The same, for a request: it counts as use. */
  admits(value: string, tokens: readonly string[]): boolean {
    if (!this.isOpen(value, tokens)) return false;
    const key = digest(value);
    const session = this.#open.get(key);
    // The last in the map is the one that was used last.
    this.#open.delete(key);
    if (session !== undefined) this.#open.set(key, { ...session, seen: this.#now() });
    return true;
  }

  end(value: string): void {
    this.#open.delete(digest(value));
  }

  endAll(): void {
    this.#open.clear();
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
