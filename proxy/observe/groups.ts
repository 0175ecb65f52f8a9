/** Groups the decisions that are held: a refusal that came 400 times is one row with a count. */
import type { DecisionRecord } from './record.js';
import type { RecordFilter } from './record-filter.js';
import type { Ring } from './ring.js';

export interface DecisionGroup {
  /** The newest record of the group. */
  readonly record: DecisionRecord;
  /** How many requests, including those without a record of their own. */
  count: number;
  /** The time of the oldest record that is held, ISO 8601. */
  first: string;
}

/** At most `limit` groups, those with the newest records first. */
export function groupDecisions(
  ring: Pick<Ring, 'query' | 'size'>,
  filter: RecordFilter,
  limit: number,
): DecisionGroup[] {
  const groups = new Map<string, DecisionGroup>();
  for (const record of ring.query({ ...filter, limit: ring.size(), before: null })) {
    const key = groupKey(record);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { record, count: requestsOf(record), first: record.time });
    else {
      group.count += requestsOf(record);
      group.first = record.time;
    }
  }
  return [...groups.values()].slice(0, limit);
}

export function requestsOf({ repeats }: Pick<DecisionRecord, 'repeats'>): number {
  return 1 + (repeats ?? 0);
}

function groupKey(record: DecisionRecord): string {
  const { client, host, port, outcome, reason } = record;
  return JSON.stringify([client.name ?? client.address, host, port, outcome, reason]);
}
