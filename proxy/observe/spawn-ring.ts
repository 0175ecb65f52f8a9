/** The last decisions of the spawn guard, in memory; apart from the proxy's own, so that neither pushes the other out. */
import type { SpawnRecord } from './record.js';

export interface SpawnRing {
  add(record: SpawnRecord): void;
  /** Newest first, at most `limit`. */
  newest(limit: number): readonly SpawnRecord[];
}

const HELD = 500;

export function createSpawnRing(): SpawnRing {
  const held: SpawnRecord[] = [];
  return {
    add(record) {
      held.push(record);
      if (held.length > HELD) held.shift();
    },
    newest: (limit) => held.slice(-limit).reverse(),
  };
}
