/** Who talked to what, according to the decisions that are held: one row for each client, host and port. */
import type { DecisionRecord } from './record.js';
import { NO_FILTER } from './record-filter.js';
import type { Ring } from './ring.js';

export interface SummaryRow {
  readonly client: { readonly address: string; readonly name: string | null };
  readonly host: string | null;
  readonly port: number | null;
  allow: number;
  deny: number;
  fail: number;
  /** Id, time and content of the last decision. */
  readonly last: {
    readonly id: string;
    readonly time: string;
    readonly outcome: string;
    readonly reason: string | null;
  };
}

/** The most recent row first. A client with a name is one client, whatever its address. */
export function summarize(ring: Pick<Ring, 'query' | 'size'>): SummaryRow[] {
  const rows = new Map<string, SummaryRow>();
  for (const record of ring.query({ ...NO_FILTER, limit: ring.size(), before: null })) {
    const key = JSON.stringify([record.client.name ?? record.client.address, record.host, record.port]);
    const row = rows.get(key) ?? firstOf(record);
    rows.set(key, row);
    row[record.outcome] += 1 + (record.repeats ?? 0);
  }
  return [...rows.values()];
}

function firstOf(record: DecisionRecord): SummaryRow {
  const { client, host, port, id, time, outcome, reason } = record;
  return { client, host, port, allow: 0, deny: 0, fail: 0, last: { id, time, outcome, reason } };
}
