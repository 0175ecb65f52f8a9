/**
 * The open ones among things that come and go by the thousand: connections, requests, tunnels.
 *
 * Not a Map or a Set: once that has survived a few of its collections, V8 replaces its table every few dozen entries by
 * another one in old memory, and each table left behind keeps alive what it held until the next full collection. With
 * connections in it, that is most of them, and moving those costs more than all decisions about them. DECISIONS 190.
 */
export class OpenSet<T extends object> {
  readonly #places: (T | null)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** Returns its place, for `delete`. */
  add(one: T): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = one;
    return place;
  }

  has(place: number, one: T): boolean {
    return this.#places[place] === one;
  }

  /** False if `one` is not at `place`, or not any more. */
  delete(place: number, one: T): boolean {
    if (this.#places[place] !== one) return false;
    this.#places[place] = null;
    this.#free.push(place);
    return true;
  }

  /** All that are open now, each with its place. Safe while others are added or deleted. */
  places(): [place: number, one: T][] {
    return this.#places.flatMap((one, place): [number, T][] => (one === null ? [] : [[place, one]]));
  }

  /** In no particular order. What is deleted or added meanwhile may be skipped. */
  *[Symbol.iterator](): Iterator<T> {
    for (const one of this.#places) if (one !== null) yield one;
  }
}
