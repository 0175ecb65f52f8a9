/** DNS answers, each kept for its time to live; all of them within a bound of memory. */
import { LRUCache } from 'lru-cache';
import type { DnsName } from '../core/host-pattern.js';
import type { Answer } from './dns-query.js';

export interface AnswerCache {
  get(name: DnsName): Answer | null;
  set(name: DnsName, answer: Answer): void;
  /** Drops the answer for the name, unless it is as good as new: frequent failures must not become frequent queries. */
  forget(name: DnsName): void;
  clear(): void;
}

/** As V8 keeps them on 64 bits, rounded up: an address with its octets and text, and an entry with its name. */
const BYTES = { entry: 512, address4: 224, address6: 352 } as const;
const AS_GOOD_AS_NEW_MS = 1000;

interface Entry {
  readonly answer: Answer;
  /** Milliseconds. */
  readonly since: number;
}

/** `bytes`: for names that have addresses. Names that do not exist or have failed get a quarter of that in addition. */
export function createAnswerCache(bytes: number, now: () => number = () => performance.now()): AnswerCache {
  const found = new LRUCache<DnsName, Entry>({ maxSize: bytes, sizeCalculation: sizeOf });
  // Kept apart, so that made-up names push out only each other.
  const failed = new LRUCache<DnsName, Entry>({ maxSize: Math.ceil(bytes / 4), sizeCalculation: sizeOf });
  return {
    get: (name) => (found.get(name) ?? failed.get(name))?.answer ?? null,
    set(name, answer) {
      const [into, other] = answer.failure === null ? [found, failed] : [failed, found];
      other.delete(name);
      into.set(name, { answer, since: now() }, { ttl: answer.ttlSeconds * 1000 });
    },
    forget(name) {
      const entry = found.get(name);
      if (entry !== undefined && now() - entry.since >= AS_GOOD_AS_NEW_MS) found.delete(name);
    },
    clear() {
      found.clear();
      failed.clear();
    },
  };
}

function sizeOf({ answer }: Entry, name: DnsName): number {
  const sizes = answer.addresses.map(({ family }) => (family === 4 ? BYTES.address4 : BYTES.address6));
  return sizes.reduce((sum: number, size) => sum + size, BYTES.entry + name.length);
}
