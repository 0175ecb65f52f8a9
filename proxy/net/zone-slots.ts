/**
 * How many names of one zone may be asked for at a time. A zone whose servers are silent, or a tool that makes names up,
 * fills its own slots and no more: sent all at once, its queries would crowd those of others out of the sockets' buffers.
 */
import type { DnsName } from '../core/host-pattern.js';

export interface ZoneSlots {
  /** Runs `query` when a slot of the name's zone is free: at once, where the zone has few names under way. */
  run<T>(name: DnsName, query: () => Promise<T>): Promise<T>;
}

interface Zone {
  running: number;
  readonly waiting: (() => void)[];
}

export function createZoneSlots(slots: number): ZoneSlots {
  const zones = new Map<string, Zone>();
  const leave = (key: string, zone: Zone): void => {
    zone.running -= 1;
    zone.waiting.shift()?.();
    if (zone.running === 0) zones.delete(key);
  };
  return {
    async run(name, query) {
      const key = zoneOf(name);
      const zone = zones.get(key) ?? { running: 0, waiting: [] };
      zones.set(key, zone);
      zone.running += 1;
      if (zone.running > slots) await new Promise<void>((resolve) => zone.waiting.push(resolve));
      try {
        return await query();
      } finally {
        leave(key, zone);
      }
    },
  };
}

/**
 * The last two labels, or three where the second to last is short (`co.uk`): near enough to what one set of servers
 * answers for, so that the owner of one name under a public suffix does not hold up the others.
 */
function zoneOf(name: DnsName): string {
  const labels = name.split('.');
  return labels.slice((labels.at(-2)?.length ?? 0) <= 3 ? -3 : -2).join('.');
}
