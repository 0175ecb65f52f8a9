/** Decision records added up: which rules they would need, for whom, and how often. */

import type { LocalRanges } from '../core/special-purpose.js';
import type { DecisionRecord } from '../observe/record.js';
import { draftsToAllow, type RuleDraft } from './rule-draft.js';

/** One host or address and port that a client asked for. */
export interface Wanted {
  readonly draft: RuleDraft;
  count: number;
  /** False: it was refused when it was seen, or opens a private destination: a person has to decide. */
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
  /** What no rule is suggested for, by reason. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** Hosts that were not simply let through: no pattern may open them unasked. */
  readonly refused: ReadonlySet<string>;
  /** True where `sni: enforce` would have refused what a tunnel began with. */
  readonly needsSniLog: boolean;
}

/** Failures before there was an answer of DNS: nothing is known of where the name leads. */
const UNRESOLVED: ReadonlySet<string> = new Set(['name-not-found', 'dns-failed', 'dns-timeout']);

export interface TallyOptions {
  /** The names that rules may name. */
  readonly clients: ReadonlySet<string>;
  /** What the configuration that is kept says of the networks around the proxy. */
  readonly here: LocalRanges;
  /** True for what the rules that are kept allow already. */
  readonly covers: (record: DecisionRecord) => boolean;
}

/** Adds up the records in any order, in memory for as many as there are destinations. */
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

/** What was let through, to a public destination; all drafts of one record are open, or none. */
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
  // What was refused once and let through later has been decided on by a person: the latter counts.
  group.wanted.set(key, {
    draft,
    count: (before?.count ?? 0) + 1 + (record.repeats ?? 0),
    isOpen: open || before?.isOpen === true,
  });
}

/**
 * A container that a gateway starts gets a random name of Docker (`quirky_bose.mcp-tools`), another one with each call: by
 * themselves they would be as many groups as calls, with the same rules in each.
 */
function whoIs({ client: { name, address } }: DecisionRecord): string {
  return name?.replace(/^[a-z]+_[a-z]+\d?\./, '*.') ?? (address || 'unknown');
}
