/** Names for clients that no configuration names: the PTR name of their address, for logs only. */
import { LRUCache } from 'lru-cache';
import { parseAddress } from '../core/address.js';
import { classify } from '../core/special-purpose.js';
import type { Resolver } from '../net/resolver.js';

export interface ClientLabels {
  /** Known at once, or within WAIT_MS; null where there is none. Never rejects. */
  of(address: string): Promise<string | null>;
}

/** The address of a tool that ended goes to the next one, often within a second: an old label would name the wrong tool. */
const KEEP_MS = 500;
const WAIT_MS = 100;
const ENTRIES = 4096;

/** Docker's DNS answers `<container>.<network>`. Only private-use addresses are asked for: loopback has no container. */
export function createClientLabels(resolver: Resolver): ClientLabels {
  const cache = new LRUCache<string, { label: string | null }>({ max: ENTRIES, ttl: KEEP_MS });
  const pending = new Map<string, Promise<string | null>>();
  const ask = async (text: string): Promise<string | null> => {
    const address = parseAddress(text);
    const label = address === null ? null : await resolver.reverse(address);
    cache.set(text, { label });
    pending.delete(text);
    return label;
  };
  return {
    async of(text) {
      const known = cache.get(text);
      if (known !== undefined) return known.label;
      if (!isContainerAddress(text)) return null;
      const asked = pending.get(text) ?? ask(text);
      pending.set(text, asked);
      return within(asked);
    },
  };
}

function isContainerAddress(text: string): boolean {
  const address = parseAddress(text);
  if (address === null) return false;
  const kind = classify(address);
  return kind.kind === 'special' && kind.opensByName;
}

function within(label: Promise<string | null>): Promise<string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), WAIT_MS);
    void label.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
