/** What origins have shown of themselves, for the next request to them. */
import { LRUCache } from 'lru-cache';
import { authorityText, type Target } from '../core/target.js';

type Origin = Pick<Target, 'host' | 'port'>;

const REMEMBERED = 1000;

export class OriginTraits {
  /** Nothing is remembered, as is usual: nobody has to ask, and no key has to be built. */
  isEmpty = true;
  readonly #old = new LRUCache<string, true>({ max: REMEMBERED });
  readonly #slow = new LRUCache<string, true>({ max: REMEMBERED });

  /** It speaks HTTP/1.0, and so does not know `100 Continue` (RFC 9110 section 10.1.1). */
  isOld(origin: Origin): boolean {
    return this.#old.has(authorityText(origin));
  }

  /** It is slow to answer: silence says nothing about the connection. */
  isSlow(origin: Origin): boolean {
    return this.#slow.has(authorityText(origin));
  }

  noteVersion(origin: Origin, minor: 0 | 1): void {
    if (minor === 0) this.#old.set(authorityText(origin), true);
    else this.#old.delete(authorityText(origin));
    this.isEmpty = this.#old.size === 0 && this.#slow.size === 0;
  }

  noteSlow(origin: Origin): void {
    this.#slow.set(authorityText(origin), true);
    this.isEmpty = false;
  }
}
