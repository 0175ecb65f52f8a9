/** Adds up decision records: which rules they would need, for whom, and how often. */

import type { LocalRanges } from '../core/special-purpose.js';
import type { DecisionRecord } from '../observe/record.js';
import { draftsToAllow, type RuleDraft } from './rule-draft.js';

/** One host or address and port that a client asked for. */
export interface Wanted {
  readonly draft: RuleDraft;
  count: number;
  /** False: a person has to decide, since it was refused when it was seen, or opens a private destination. */
  readonly isOpen: boolean;
}

export interface ClientTally {
  readonly client: string;
  readonly wanted: Map<string, Wanted>;
}

export interface Tally {
  readonly clients: ReadonlyMap<string, ClientTally>;
  /** How many records there were, and the times of the first and the last. */
  readonly records: number;
  readonly from: string | null;
  readonly to: string | null;
  /** How many records no rule is suggested for, by reason. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** Hosts that were not simply allowed, so that no pattern may include them unasked. */
  readonly refused: ReadonlySet<string>;
  /** True if `sni: enforce` would have refused the first bytes of some tunnel. */
  readonly needsSniLog: boolean;
}

/** Failures without an answer from DNS, so that nothing is known of where the name leads. */
const UNRESOLVED: ReadonlySet<string> = new Set(['name-not-found', 'dns-failed', 'dns-timeout']);

export interface TallyOptions {
  /** The client names that rules may use. */
  readonly clients: ReadonlySet<string>;
  /** What the configuration says of the networks around the proxy. */
  readonly here: LocalRanges;
  /** True for records that the configuration's own rules already allow. */
  readonly covers: (record: DecisionRecord) => boolean;
}

/** Adds up the records in any order. Takes memory by the number of destinations, not of records. */
export async function tally(records: AsyncIterable<DecisionRecord>, options: TallyOptions): Promise<Tally> {
  const clients = new Map<string, ClientTally>();
  const leftOut = new Map<string, number>();
  const refused = new Set<string>();
  const sum = { records: 0, from: null as string | null, to: null as string | null, needsSniLog: false };
  for await (const record of records) {
    const { time, host, outcome, reason } = record;
    sum.records++;
    if (sum.from === null || time < sum.from) sum.from = time;
    if (sum.to === null || time > sum.to) sum.to = time;
    if (outcome === 'allow' && record.rule === 'sni') sum.needsSniLog = true;
    if (record.door === 'relay' || options.covers(record)) continue;
    const drafts = isUnresolved(record)
      ? []
      : draftsToAllow(record, { default: 'none', clients: options.clients, here: options.here }).drafts;
    const open = drafts.length > 0 && isOpen(record, drafts);
    if (drafts.length === 0) leftOut.set(reason ?? outcome, (leftOut.get(reason ?? outcome) ?? 0) + 1);
    if (!open && host !== null) refused.add(host);
    for (const draft of drafts) add(clients, record, draft, open);
  }
  return { ...sum, clients: new Map([...clients].sort(([a], [b]) => (a < b ? -1 : 1))), leftOut, refused };
}

/** True for what was allowed to a public destination. All drafts of a record are open, or none. */
function isOpen(record: DecisionRecord, drafts: readonly RuleDraft[]): boolean {
  return record.outcome !== 'deny' && drafts.every(({ section }) => section === 'allow');
}

function isUnresolved({ reason }: DecisionRecord): boolean {
  return reason !== null && UNRESOLVED.has(reason);
}

function add(clients: Map<string, ClientTally>, record: DecisionRecord, draft: RuleDraft, open: boolean): void {
  const client = whoIs(record);
  const group = clients.get(client) ?? { client, wanted: new Map<string, Wanted>() };
  clients.set(client, group);
  const key = JSON.stringify(draft);
  const before = group.wanted.get(key);
  // If it was refused once and allowed later, a person has decided on it in between: the latter counts.
  group.wanted.set(key, {
    draft,
    count: (before?.count ?? 0) + 1 + (record.repeats ?? 0),
    isOpen: open || before?.isOpen === true,
  });
}

/**
 * Docker gives each container that a gateway starts a random name (`quirky_bose.mcp-tools`), a new one for each call. Taken as
 * clients, they would make as many groups as calls, all with the same rules.
 */
function whoIs({ client: { name, address } }: DecisionRecord): string {
  return name?.replace(/^[a-z]+_[a-z]+\d?\./, '*.') ?? (address || 'unknown');
}
