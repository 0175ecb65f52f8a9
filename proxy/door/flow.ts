/** One request on its way through a door: who asks, and its one decision record. */
import type { Address } from '../core/address.js';
import type { ClientIdentity, Policy, Refusal } from '../core/policy.js';
import { REASONS, type Reason } from '../core/reasons.js';
import { type DnsName, type Host, hostText, type Target } from '../core/target.js';
import type { RelayResult } from '../net/relay.js';
import type { Clock } from '../observe/clock.js';
import type { CloseRecord, DecisionRecord, Door, Records } from '../observe/record.js';

export interface Client extends ClientIdentity {
  readonly address: string;
  /** For the log if `name` is null: the PTR name of the address. Never used for a decision. */
  readonly label: string | null;
  /** Names it could prove with credentials it has not given; empty if it has given some, or the door takes none. */
  readonly couldBe: readonly string[];
}

/** What the steps of a request have found out. Each step returns its own part, and the door puts the record together. */
export interface Trace {
  readonly target: Target | null;
  /** At a door that hears a host without a port. */
  readonly host?: Host;
  readonly addresses: readonly Address[];
  readonly dnsMs: number | null;
  readonly dialed: Address | null;
  readonly connectMs: number | null;
  /** What the ClientHello named, if that is not the target. */
  readonly serverName?: DnsName;
}

export const EMPTY_TRACE: Trace = { target: null, addresses: [], dnsMs: null, dialed: null, connectMs: null };

/** One that is still filled in. */
export type OpenTrace = { -readonly [K in keyof Trace]: Trace[K] };

/** What all flows have in common. */
export interface FlowRoom {
  readonly newId: () => string;
  readonly records: Records;
  readonly clock: Clock;
}

export interface FlowOptions {
  readonly door: Door;
  readonly client: Client;
  readonly method: string | null;
  readonly policy: Policy;
}

/** What the cause of a close already says. */
const SAID_BY_CAUSE: ReadonlySet<Reason> = new Set(['client-closed', 'upstream-reset', 'upstream-timeout', 'busy']);

/** The first of `allowed` and `refused` writes the record; what a later one says is left to the close record. */
export class Flow {
  readonly id: string;
  readonly door: Door;
  readonly client: Client;
  readonly clock: Clock;
  /**
   * The policy in force when the request came: one snapshot for all that follows. Replaced only where the request has waited
   * for an answer, which may have changed the policy.
   */
  policy: Policy;
  /** The decision record says `allow`. */
  isAllowed = false;
  /** The reason that was reported after the decision record was written; null: none. */
  late: Reason | null = null;
  readonly #room: FlowRoom;
  readonly #method: string | null;
  readonly #startedAt = performance.now();
  #lateName: DnsName | undefined;
  #isRecorded = false;
  /** What the decision record says, and the close record repeats. */
  readonly #who: DecisionRecord['client'];
  #host: string | null = null;
  #port: number | null = null;
  #rule: string | null = null;
  #status: number | null = null;

  constructor(room: FlowRoom, { door, client, method, policy }: FlowOptions) {
    this.id = room.newId();
    this.door = door;
    this.client = client;
    this.clock = room.clock;
    this.policy = policy;
    this.#room = room;
    this.#method = method;
    this.#who = { address: client.address, name: client.name ?? client.label };
  }

  /** `wouldDeny`: in mode `report`, what enforcement would have said. */
  allowed(trace: Trace, status: number | null, rule: string, wouldDeny: Refusal | null): void {
    this.#record(trace, status, { outcome: 'allow', reason: wouldDeny?.reason ?? null, rule: wouldDeny?.rule ?? rule });
  }

  refused(trace: Trace, status: number | null, { reason, rule }: Pick<Refusal, 'reason' | 'rule'>): void {
    this.#record(trace, status, { outcome: REASONS[reason].outcome, reason, rule });
  }

  /** The close record of a tunnel or a forwarded request, whose decision record has been written. */
  closed({ bytesUp, bytesDown, cause }: RelayResult): void {
    const record: CloseRecord = {
      event: 'closed',
      id: this.id,
      time: this.clock.iso(),
      client: this.#who,
      door: this.door,
      host: this.#host,
      port: this.#port,
      rule: this.#rule,
      status: this.#status,
      bytesUp,
      bytesDown,
      durationMs: Math.round(performance.now() - this.#startedAt),
      cause,
      reason: this.late !== null && SAID_BY_CAUSE.has(this.late) ? null : this.late,
    };
    const serverName = this.#lateName;
    this.#room.records.sink.closed(serverName === undefined ? record : { ...record, serverName });
  }

  #record(trace: Trace, status: number | null, { outcome, reason, rule }: Decided): void {
    const { target, host = target?.host, serverName } = trace;
    if (this.#isRecorded) {
      this.late = reason;
      this.#lateName = serverName;
      return;
    }
    this.#isRecorded = true;
    this.isAllowed = outcome === 'allow';
    this.#host = host === undefined ? null : hostText(host);
    this.#port = target?.port ?? null;
    this.#rule = rule;
    this.#status = status;
    const addresses: string[] = [];
    for (const { text } of trace.addresses) addresses.push(text);
    // Field by field: a spread among this many costs more than everything in it.
    const record: DecisionRecord = {
      event: 'decision',
      id: this.id,
      time: this.clock.iso(),
      outcome,
      reason,
      mode: this.policy.mode,
      client: this.#who,
      door: this.door,
      host: this.#host,
      port: this.#port,
      rule,
      status,
      method: this.#method,
      addresses,
      dialed: trace.dialed?.text ?? null,
      dnsMs: trace.dnsMs,
      connectMs: trace.connectMs,
    };
    this.#room.records.sink.decision(serverName === undefined ? record : { ...record, serverName });
  }
}

type Decided = Pick<DecisionRecord, 'outcome' | 'reason' | 'rule'>;
