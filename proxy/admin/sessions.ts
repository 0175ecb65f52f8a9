/**
 * The browsers that have shown the token. Each has a cookie and a key that are random and its own; none outlives the
 * process, its token, its sign-out, a working day, or two hours in which nothing was asked with it. The cookie goes to
 * every server of this host, whatever its port (RFC 6265 section 8.5): what it opens by itself is the page, which is
 * nobody's secret. The key is in the page's own storage, which no other origin reads, and is asked for everything else.
 */
import { createHash, randomBytes } from 'node:crypto';

const LONGEST_MS = 12 * 3_600_000;
const LONGEST_IDLE_MS = 2 * 3_600_000;
/** The one that was used longest ago makes room. */
const MOST_SESSIONS = 100;

interface Session {
  /** A token may be taken out of the configuration, and its sessions with it. */
  readonly token: string;
  readonly key: string;
  readonly since: number;
  readonly seen: number;
}

/** `value`: of the cookie. */
export interface NewSession {
  readonly value: string;
  readonly key: string;
}

export class Sessions {
  readonly #now: () => number;
  /** By a digest of the cookie, which is looked up and not compared: no time that it takes tells anything of it. */
  readonly #open = new Map<string, Session>();

  /** `now`: in milliseconds. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** For whoever has shown `token`. */
  start(token: string): NewSession {
    const [value, key] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
    const now = this.#now();
    this.#open.set(digest(value), { token: digest(token), key: digest(key), since: now, seen: now });
    const [oldest] = this.#open.keys();
    if (this.#open.size > MOST_SESSIONS && oldest !== undefined) this.#open.delete(oldest);
    return { value, key };
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

  /** The same with its key, for a request: it counts as use. */
  admits({ value, key }: NewSession, tokens: readonly string[]): boolean {
    if (!this.isOpen(value, tokens)) return false;
    const place = digest(value);
    const session = this.#open.get(place);
    if (session === undefined || session.key !== digest(key)) return false;
    // The last in the map is the one that was used last.
    this.#open.delete(place);
    this.#open.set(place, { ...session, seen: this.#now() });
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
