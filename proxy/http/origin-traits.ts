/** What origins have shown of themselves, for the next request to them. */
import { LRUCache } from 'lru-cache';

export interface OriginTraits {
  /** It speaks HTTP/1.0, and so knows of no `100 Continue` (RFC 9110 section 10.1.1). */
  isOld(origin: string): boolean;
  /** It takes its time to answer: silence says nothing about the connection. */
  isSlow(origin: string): boolean;
  noteVersion(origin: string, minor: 0 | 1): void;
  noteSlow(origin: string): void;
}

const REMEMBERED = 1000;

/** `origin`: host and port. */
export function createOriginTraits(): OriginTraits {
  const old = new LRUCache<string, true>({ max: REMEMBERED });
  const slow = new LRUCache<string, true>({ max: REMEMBERED });
  return {
    isOld: (origin) => old.size > 0 && old.has(origin),
    isSlow: (origin) => slow.size > 0 && slow.has(origin),
    noteVersion(origin, minor) {
      if (minor === 0) old.set(origin, true);
      else if (old.size > 0) old.delete(origin);
    },
    noteSlow: (origin) => void slow.set(origin, true),
  };
}
