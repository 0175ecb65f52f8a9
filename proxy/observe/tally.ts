/** Who asks most, for what, and what is refused most: counted over many records without keeping any. */
import { requestsOf } from './groups.js';
import type { DecisionRecord } from './record.js';

export interface Counts {
  allow: number;
  deny: number;
  fail: number;
}

export interface TopLists {
  readonly clients: readonly (Counts & { readonly client: string })[];
  readonly hosts: readonly (Counts & { readonly host: string; readonly port: number | null })[];
  readonly refusals: readonly {
    readonly client: string;
    readonly host: string | null;
    readonly port: number | null;
    readonly reason: string;
    readonly count: number;
  }[];
  /** Requests that the lists do not count, because there were too many different clients or hosts. */
  readonly uncounted: number;
}

export interface Tally {
  add(record: DecisionRecord): void;
  /** The `most` largest of each list. */
  top(most: number): TopLists;
}

/** The most different keys: beyond these, requests are only counted, since a tool can make up names without end. */
const MOST_KEYS = 10_000;

export function createTally(): Tally {
  const clients = new Map<string, Counts>();
  const hosts = new Map<string, Counts>();
  const refusals = new Map<string, Counts>();
  let uncounted = 0;
  const count = (map: Map<string, Counts>, key: string, record: DecisionRecord): boolean => {
    const counts = map.get(key) ?? { allow: 0, deny: 0, fail: 0 };
    if (map.size >= MOST_KEYS && !map.has(key)) return false;
    map.set(key, counts);
    counts[record.outcome] += requestsOf(record);
    return true;
  };
  return {
    add(record) {
      const { client, host, port, reason, outcome } = record;
      const who = client.name ?? client.address;
      const isCounted = [
        count(clients, JSON.stringify([who]), record),
        host === null || count(hosts, JSON.stringify([host, port]), record),
        outcome === 'allow' || count(refusals, JSON.stringify([who, host, port, reason]), record),
      ];
      if (isCounted.includes(false)) uncounted += requestsOf(record);
    },
    top(most) {
      return {
        clients: largest(clients, most).map(([[client], counts]) => ({ client, ...counts })),
        hosts: largest(hosts, most).map(([[host, port], counts]) => ({ host, port, ...counts })),
        refusals: largest(refusals, most).map(([[client, host, port, reason], counts]) => ({
          client,
          host,
          port,
          reason,
          count: sum(counts),
        })),
        uncounted,
      };
    },
  };
}

/** The keys are not checked, since they were made by `JSON.stringify` above. */
function largest(map: ReadonlyMap<string, Counts>, most: number) {
  const sorted = [...map].sort(([, a], [, b]) => sum(b) - sum(a)).slice(0, most);
  return sorted.map(([key, counts]) => [JSON.parse(key), counts] as const);
}

function sum({ allow, deny, fail }: Counts): number {
  return allow + deny + fail;
}
