/** Which names that steered clients ask for are worth a log line: the first question in a while, and never a flood. */
import { LRUCache } from 'lru-cache';

export interface AskedNames {
  /** True if this client has not asked for `name` within AGAIN_MS, and not for more than a handful of others. */
  isNews(client: string, name: string): boolean;
}

const AGAIN_MS = 60_000;
/** Names per client in AGAIN_MS: an honest one asks for a few. */
const MOST_NAMES = 30;
const MOST_CLIENTS = 1024;

export function createAskedNames(now: () => number = () => performance.now()): AskedNames {
  const clients = new LRUCache<string, Map<string, number>>({ max: MOST_CLIENTS });
  return {
    isNews(client, name) {
      const at = now();
      const names = clients.get(client) ?? new Map<string, number>();
      clients.set(client, names);
      for (const [known, since] of names) if (at - since >= AGAIN_MS) names.delete(known);
      if (names.has(name) || names.size >= MOST_NAMES) return false;
      names.set(name, at);
      return true;
    },
  };
}
