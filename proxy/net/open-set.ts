/**
 * What is open now, of things that come and go by the thousand: connections, requests, tunnels.
 *
 * Not a Map or a Set. One that has outlived a few collections of V8 takes a new table from old memory every few dozen
 * entries, and each table that it leaves keeps alive what it held, until the next full collection: with whole connections
 * in it, that is most of them, and to move them costs more than all that is decided about them.
 */
export class OpenSet<T extends object> {
  readonly #places: (T | null)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** Answers its place, for `delete`. */
  add(one: T): number {
    const place = this.#free.pop() ?? this.#places.length;
    this.#places[place] = one;
    return place;
  }

  has(place: number, one: T): boolean {
    return this.#places[place] === one;
  }

  /** False if `one` is not at `place` (any more). */
  delete(place: number, one: T): boolean {
    if (this.#places[place] !== one) return false;
    this.#places[place] = null;
    this.#free.push(place);
    return true;
  }

  /** All that are open now, each with its place. */
  places(): [place: number, one: T][] {
    return this.#places.flatMap((one, place): [number, T][] => (one === null ? [] : [[place, one]]));
  }

  /** In no order. What is deleted meanwhile may be skipped, and what is added meanwhile as well. */
  *[Symbol.iterator](): Iterator<T> {
    for (const one of this.#places) if (one !== null) yield one;
  }
}
