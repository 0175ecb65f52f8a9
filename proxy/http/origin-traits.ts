/** What origins have shown of themselves, for the next request to them. */
import { LRUCache } from 'lru-cache';
import { authorityText, type Target } from '../core/target.js';

export interface OriginTraits {
  /** It speaks HTTP/1.0, and so does not know `100 Continue` (RFC 9110 section 10.1.1). */
  isOld(origin: Origin): boolean;
  /** It is slow to answer: silence says nothing about the connection. */
  isSlow(origin: Origin): boolean;
  noteVersion(origin: Origin, minor: 0 | 1): void;
  noteSlow(origin: Origin): void;
}

type Origin = Pick<Target, 'host' | 'port'>;

const REMEMBERED = 1000;

export function createOriginTraits(): OriginTraits {
  const old = new LRUCache<string, true>({ max: REMEMBERED });
  const slow = new LRUCache<string, true>({ max: REMEMBERED });
  return {
    // The cache is usually empty: then no key has to be built.
    isOld: (origin) => old.size > 0 && old.has(authorityText(origin)),
    isSlow: (origin) => slow.size > 0 && slow.has(authorityText(origin)),
    noteVersion(origin, minor) {
      if (minor === 0) old.set(authorityText(origin), true);
      else if (old.size > 0) old.delete(authorityText(origin));
    },
    noteSlow: (origin) => void slow.set(authorityText(origin), true),
  };
}
