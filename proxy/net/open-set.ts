/**
 * The open ones among things that come and go by the thousand: connections, requests, tunnels. A linked line, in the order
 * in which they came, so that nothing remains of those that are gone.
 *
 * Not a Map or a Set: once that has survived a few of its collections, V8 replaces its table every few dozen entries by
 * another one in old memory, and each table left behind keeps alive what it held until the next full collection. With
 * connections in it, that is most of them, and moving those costs more than all decisions about them. DECISIONS 190.
 */
export class OpenSet<T extends Placed<T>> {
  size = 0;
  /** The one that came first. */
  first: T | null = null;
  #last: T | null = null;

  /** False if it is in the set already. */
  add(one: T): boolean {
    if (one.before !== null || this.first === one) return false;
    one.before = this.#last;
    if (this.#last === null) this.first = one;
    else this.#last.behind = one;
    this.#last = one;
    this.size += 1;
    return true;
  }

  /** False if it is not in the set, or not any more. */
  delete(one: T): boolean {
    const { before, behind } = one;
    if (before === null && this.first !== one) return false;
    if (before === null) this.first = behind;
    else before.behind = behind;
    if (behind === null) this.#last = before;
    else behind.before = before;
    one.before = null;
    one.behind = null;
    this.size -= 1;
    return true;
  }

  /** All that are in it now. */
  all(): T[] {
    const all: T[] = [];
    for (let one = this.first; one !== null; one = one.behind) all.push(one);
    return all;
  }

  /** What is deleted meanwhile is not met any more, nor is what is added. */
  *[Symbol.iterator](): Iterator<T> {
    for (const one of this.all()) if (one.before !== null || this.first === one) yield one;
  }
}

/** What can be in an OpenSet, and in one at most: the set alone touches its neighbours. */
export interface Placed<T> {
  before: T | null;
  behind: T | null;
}
