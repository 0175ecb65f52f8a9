/** Answers of DNS for their time to live, bounded by the memory that they take. */
import { LRUCache } from 'lru-cache';
import type { DnsName } from '../core/host-pattern.js';
import type { Answer } from './dns-query.js';

export interface AnswerCache {
  get(name: DnsName): Answer | null;
  set(name: DnsName, answer: Answer): void;
  /** Drops what is known of the name, unless that is as good as new: whoever asks often must not ask the servers as often. */
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

/** `bytes`: for names that have addresses; what does not exist or has failed has a quarter of it beside that. */
export function createAnswerCache(bytes: number, now: () => number = () => performance.now()): AnswerCache {
  const found = new LRUCache<DnsName, Entry>({ maxSize: bytes, sizeCalculation: sizeOf });
  // Apart, so that names that are made up push out each other and no others.
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
