/** A book with a clock of the test, and grants from short texts. */
import { parsePrefix } from '../../proxy/core/address.js';
import { parseHostPattern } from '../../proxy/core/target.js';
import { Book, type BookEvent, type BookOptions, type Clock } from '../../proxy/decide/book.js';
import type { GrantDraft } from '../../proxy/decide/grant.js';
import { type Kept, NOTHING_KEPT } from '../../proxy/decide/state-file.js';

export const DECIDING = { by: 'test', why: null };

/** Time passes when the test says so, and what is due is called back in order. */
export class FakeClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z');
  readonly #due = new Set<{ readonly at: number; readonly then: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, then: () => void): () => void {
    const one = { at: this.#now + ms, then };
    this.#due.add(one);
    return () => this.#due.delete(one);
  }

  /** How many call-backs wait. */
  get due(): number {
    return this.#due.size;
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#due.delete(next);
      this.#now = next.at;
      next.then();
    }
    this.#now = end;
  }
}

export interface BookStand {
  readonly book: Book;
  readonly clock: FakeClock;
  readonly events: string[];
  readonly written: Kept[];
}

export function bookStand(change: Partial<BookOptions> = {}): BookStand {
  const clock = new FakeClock();
  const events: string[] = [];
  const written: Kept[] = [];
  const book = new Book({
    kept: NOTHING_KEPT,
    clock,
    write: (kept) => void written.push(kept),
    onChange: (event) => void events.push(nameOf(event)),
    onUnwritable: () => void events.push('unwritable'),
    ...change,
  });
  return { book, clock, events, written };
}

export function draft(place: string, change: Partial<GrantDraft> = {}): GrantDraft {
  const address = parsePrefix(place);
  const host = address === null ? parseHostPattern(place) : null;
  const fixed = {
    effect: 'allow',
    client: null,
    ports: null,
    internal: false,
    once: false,
    forMs: null,
    from: null,
  } as const;
  return { ...fixed, host, address, ...change };
}

/** As many grants as `count` says, and always the same ones. */
export function stateOf(count: number): Kept {
  const one = (i: number) => {
    const { forMs, ...rest } = draft(`host-${i}.test`, { ports: [443] });
    return { ...rest, id: `id${i}`, created: 0, expires: forMs, inFile: false, ...DECIDING };
  };
  return { grants: Array.from({ length: count }, (_, i) => one(i)), pauses: [] };
}

function nameOf(event: BookEvent): string {
  if (event.of === 'pause') return `pause ${event.action} ${event.pause.client ?? 'all'}`;
  return `grant ${event.action} ${event.grant.host?.text ?? event.grant.address?.text}`;
}
