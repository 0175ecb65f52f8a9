/** Metrics of what the process holds for others, by share of the memory budget. */
import { Counter, Gauge, type Registry } from 'prom-client';

/** The part of a memory budget that is shown. */
export interface ShownMemory {
  readonly shares: readonly string[];
  used(share: string): number;
  limit(share: string): number;
  refused(share: string): number;
}

export function addMemoryMetrics(registry: Registry, memory: () => ShownMemory | null): void {
  const registers = [registry];
  const labelNames = ['share'];
  const held = new Gauge({
    ...{
      name: 'egress_memory_held_bytes',
      help: 'Bytes held for clients and origins, by share.',
      labelNames,
      registers,
    },
    collect: () => each(memory(), (share, shown) => held.set({ share }, shown.used(share))),
  });
  const limit = new Gauge({
    ...{ name: 'egress_memory_limit_bytes', help: 'The most that a share may hold.', labelNames, registers },
    collect: () => each(memory(), (share, shown) => limit.set({ share }, shown.limit(share))),
  });
  const refused = new Counter({
    name: 'egress_memory_refused_total',
    help: 'Requests refused and tunnels cut because their share was spent.',
    ...{ labelNames, registers },
    collect() {
      refused.reset();
      each(memory(), (share, shown) => refused.inc({ share }, shown.refused(share)));
    },
  });
}

function each(memory: ShownMemory | null, show: (share: string, memory: ShownMemory) => void): void {
  for (const share of memory?.shares ?? []) if (memory !== null) show(share, memory);
}
