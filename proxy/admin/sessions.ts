/**
 * The browsers that have shown the token. Each has a random cookie and key of its own; no session outlives the
 * process, its token, its sign-out, a working day, or two hours without use. The cookie goes to
 * every server on this host, whatever its port (RFC 6265 section 8.5): by itself it opens only the page, which is
 * nobody's secret. The key is in the page's own storage, which no other origin can read, and is required for everything else.
 */
import { createHash, randomBytes } from 'node:crypto';
import { uptime } from 'node:os';

const LONGEST_MS = 12 * 3_600_000;
const LONGEST_IDLE_MS = 2 * 3_600_000;
/** The least recently used one makes room. */
const MOST_SESSIONS = 100;

interface Session {
  /** A token that is taken out of the configuration takes its sessions with it. */
  readonly token: string;
  readonly key: string;
  readonly since: number;
  readonly seen: number;
}

/** `value`: the cookie's. */
export interface NewSession {
  readonly value: string;
  readonly key: string;
}

export class Sessions {
  readonly #now: () => number;
  /** Keyed by a digest of the cookie, which is looked up and not compared: how long that takes reveals nothing about it. */
  readonly #open = new Map<string, Session>();

  /** `now`: in milliseconds, by a clock that nobody sets and that counts sleep. */
  constructor(now: () => number = () => uptime() * 1000) {
    this.#now = now;
  }

  /** Opens a session for whoever has shown `token`. */
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

  /** The same with its key, for a request, which counts as use. */
  admits({ value, key }: NewSession, tokens: readonly string[]): boolean {
    if (!this.isOpen(value, tokens)) return false;
    const place = digest(value);
    const session = this.#open.get(place);
    if (session === undefined || session.key !== digest(key)) return false;
    // The last entry in the map is the most recently used.
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
