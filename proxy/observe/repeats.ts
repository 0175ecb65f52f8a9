/**
 * In ordinary use, one record for each request. In a flood, the first ones are written at once; further ones that say the same
 * are counted, and one record per interval says with `repeats` how many more it stands for. So nobody can push the rest
 * out of the log. DECISIONS 115.
 */
import { type Allowance, Fold, type FoldRules } from './fold.js';
import type { CloseRecord, DecisionRecord, DecisionSink } from './record.js';

export const INTERVAL_MS = 10_000;

export const ALLOWANCES = {
  /** Allowed without any objection. */
  quiet: { kind: 'quiet', same: 500, client: 2000, all: 8000, least: 5 },
  /** Refused, failed, or would have been refused. */
  refused: { kind: 'refused', same: 10, client: 200, all: 1000, least: 5 },
  /** An allowance of its own, so that a flood of other refusals cannot use it up. */
  alarm: { kind: 'alarm', same: 10, client: 50, all: 500, least: 5 },
  closed: { kind: 'closed', same: 500, client: 2000, all: 8000, least: 5 },
} as const satisfies Readonly<Record<string, Allowance>>;

/** A request for a metadata service or for the proxy itself, which no honest tool makes. */
export function isAlarm({ reason }: Pick<DecisionRecord, 'reason'>): boolean {
  return reason === 'metadata-address' || reason === 'own-listener';
}

export interface RepeatsOptions {
  /** Hears of each record at once, also of those that are only counted. */
  readonly counter?: DecisionSink;
  /** Milliseconds. */
  readonly now?: () => number;
  /** Memory for the counts. */
  readonly memoryBytes?: number;
}

const MEMORY_BYTES = 2 * 1024 * 1024;
/** A person asks for the id of a refusal within minutes, so the last ones of a flood are enough. */
const MOST_FOLDED = 4096;

export class Repeats implements DecisionSink {
  readonly #counter: DecisionSink | null;
  readonly #folded = new Successors();
  readonly #decisions: Fold<DecisionRecord>;
  readonly #closes: Fold<CloseRecord>;

  /** `next` gets every record that is written. One that stands for others comes up to an interval late. */
  constructor(
    next: DecisionSink,
    { counter, now = () => performance.now(), memoryBytes = MEMORY_BYTES }: RepeatsOptions = {},
  ) {
    const options = { intervalMs: INTERVAL_MS, now, memoryBytes: memoryBytes / 2 };
    this.#counter = counter ?? null;
    this.#decisions = new Fold(decisionRules(next, this.#folded), options);
    this.#closes = new Fold(closeRules(next), options);
  }

  decision(record: DecisionRecord): void {
    this.#counter?.decision(record);
    const { client, door, outcome, reason, host, port } = record;
    const kind = outcome === 'allow' && reason === null ? 'quiet' : isAlarm(record) ? 'alarm' : 'refused';
    const alike = `${client.name ?? ''} ${client.address} ${door} ${kind} ${reason}`;
    this.#decisions.offer(record, ALLOWANCES[kind], alike, `${alike} ${host} ${port}`);
  }

  closed(record: CloseRecord): void {
    this.#counter?.closed(record);
    const { client, door, cause, reason, host, port } = record;
    const alike = `${client.name ?? ''} ${client.address} ${door} closed ${cause} ${reason}`;
    this.#closes.offer(record, ALLOWANCES.closed, alike, `${alike} ${host} ${port}`);
  }

  /** The id of the record that counts the request whose refusal named this id; the same id if it has a record of its own. */
  idOf(id: string): string {
    return this.#folded.lastOf(id);
  }

  /** Writes what is counted but not written yet, at the end. */
  flush(): void {
    this.#decisions.flush();
    this.#closes.flush();
  }
}

function decisionRules(next: DecisionSink, folded: Successors): FoldRules<DecisionRecord> {
  return {
    write: (record) => next.decision(record),
    client: clientKey,
    withoutDestination: ({ serverName: _none, ...record }) => ({
      ...record,
      ...NOWHERE,
      addresses: [],
      dialed: null,
    }),
    merge(before, record) {
      // Only for refusals, since nobody is shown the id of an allowed request.
      if (before.outcome !== 'allow') folded.add(before.id, record.id);
      return record;
    },
    withRepeats,
  };
}

function closeRules(next: DecisionSink): FoldRules<CloseRecord> {
  return {
    write: (record) => next.closed(record),
    client: clientKey,
    withoutDestination: ({ serverName: _none, ...record }) => ({ ...record, ...NOWHERE }),
    merge: (before, record) => ({
      ...record,
      bytesUp: before.bytesUp + record.bytesUp,
      bytesDown: before.bytesDown + record.bytesDown,
    }),
    withRepeats,
  };
}

/** The last ids, each with the one that replaced it. Cheap to add to, at every refusal of a flood; seldom asked. */
class Successors {
  readonly #ids: string[] = [];
  readonly #next: string[] = [];
  #count = 0;

  add(id: string, next: string): void {
    const at = this.#count % MOST_FOLDED;
    this.#ids[at] = id;
    this.#next[at] = next;
    this.#count += 1;
  }

  /** Successors are newer, so one pass from the oldest finds the last. */
  lastOf(id: string): string {
    let last = id;
    const oldest = Math.max(0, this.#count - MOST_FOLDED);
    for (let age = oldest; age < this.#count; age++) {
      const at = age % MOST_FOLDED;
      if (this.#ids[at] === last) last = this.#next[at] ?? last;
    }
    return last;
  }
}

const NOWHERE = { rule: null, host: null, port: null } as const;

function clientKey({ client: { name, address } }: DecisionRecord | CloseRecord): string {
  return `${name ?? ''} ${address}`;
}

function withRepeats<T extends object>(record: T, repeats: number): T {
  return repeats === 0 ? record : { ...record, repeats };
}
