/** One request on its way through a door: who asks, and its one decision record. */
import type { Address } from '../core/address.js';
import type { DnsName } from '../core/host-pattern.js';
import type { ClientIdentity, Policy, Refusal } from '../core/policy.js';
import { REASONS, type Reason } from '../core/reasons.js';
import { type Host, hostText, type Target } from '../core/target.js';
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

/** For a request whose target is known; the following steps fill it in. */
export function traceOf(target: Target): OpenTrace {
  return { target, addresses: EMPTY_TRACE.addresses, dnsMs: null, dialed: null, connectMs: null };
}

export interface FlowOptions {
  readonly id: string;
  readonly door: Door;
  readonly client: Client;
  readonly method: string | null;
  readonly policy: Policy;
  readonly records: Records;
  readonly clock: Clock;
}

/** Who asked through which door for what. */
type Subject = Pick<CloseRecord, 'client' | 'door' | 'host' | 'port' | 'rule' | 'status'>;

/** What the cause of a close already says. */
const SAID_BY_CAUSE: ReadonlySet<Reason> = new Set(['client-closed', 'upstream-reset', 'upstream-timeout', 'busy']);

/** The first of `allowed` and `refused` writes the record; what a later one says is left to the close record. */
export class Flow {
  readonly id: string;
  readonly door: Door;
  readonly client: Client;
  readonly clock: Clock;
  readonly #options: FlowOptions;
  readonly #startedAt = performance.now();
  /** The same in the close record as in the decision record. */
  #recorded: Subject | null = null;
  #isAllowed = false;
  #late: Reason | null = null;
  #lateName: DnsName | undefined;
  #policy: Policy;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.id = options.id;
    this.door = options.door;
    this.client = options.client;
    this.clock = options.clock;
    this.#policy = options.policy;
  }

  /** The policy in force when the request came, or when its wait for an answer ended: one snapshot for all that follows. */
  get policy(): Policy {
    return this.#policy;
  }

  /** The request has waited for an answer, which may have changed the policy. */
  renew(policy: Policy): void {
    this.#policy = policy;
  }

  /** `wouldDeny`: in mode `report`, what enforcement would have said. */
  allowed(trace: Trace, status: number | null, rule: string, wouldDeny: Refusal | null): void {
    const decisive = { reason: wouldDeny?.reason ?? null, rule: wouldDeny?.rule ?? rule };
    this.#record(trace, { outcome: 'allow', ...decisive, status });
  }

  refused(trace: Trace, status: number | null, { reason, rule }: Pick<Refusal, 'reason' | 'rule'>): void {
    this.#record(trace, { outcome: REASONS[reason].outcome, reason, rule, status });
  }

  /** The decision record says `allow`. */
  get isAllowed(): boolean {
    return this.#isAllowed;
  }

  /** The reason that was reported after the decision record was written; null: none. */
  get late(): Reason | null {
    return this.#late;
  }

  /** The close record of a tunnel or a forwarded request, whose decision record has been written. */
  closed({ bytesUp, bytesDown, cause }: RelayResult): void {
    const { client, door, host, port, rule, status } = this.#recorded ?? this.#subject(EMPTY_TRACE, null, null);
    const record: CloseRecord = {
      event: 'closed',
      id: this.id,
      time: this.clock.iso(),
      client,
      door,
      host,
      port,
      rule,
      status,
      bytesUp,
      bytesDown,
      durationMs: Math.round(performance.now() - this.#startedAt),
      cause,
      reason: this.#late !== null && SAID_BY_CAUSE.has(this.#late) ? null : this.#late,
    };
    this.#options.records.sink.closed(named(record, this.#lateName));
  }

  #record(trace: Trace, decided: Pick<DecisionRecord, 'outcome' | 'reason' | 'rule' | 'status'>): void {
    const { outcome, reason, rule, status } = decided;
    if (this.#recorded !== null) {
      this.#late = reason;
      this.#lateName = trace.serverName;
      return;
    }
    this.#isAllowed = outcome === 'allow';
    this.#recorded = this.#subject(trace, rule, status);
    const { client, door, host, port } = this.#recorded;
    // Field by field: a spread among this many costs more than everything in it.
    const record: DecisionRecord = {
      event: 'decision',
      id: this.id,
      time: this.clock.iso(),
      outcome,
      reason,
      mode: this.#policy.mode,
      client,
      door,
      host,
      port,
      rule,
      status,
      method: this.#options.method,
      addresses: trace.addresses.length === 0 ? NO_TEXTS : trace.addresses.map(({ text }) => text),
      dialed: trace.dialed?.text ?? null,
      dnsMs: trace.dnsMs,
      connectMs: trace.connectMs,
    };
    this.#options.records.sink.decision(named(record, trace.serverName));
  }

  #subject({ target, host = target?.host }: Trace, rule: Subject['rule'], status: Subject['status']): Subject {
    return {
      client: { address: this.client.address, name: this.client.name ?? this.client.label },
      door: this.door,
      host: host === undefined ? null : hostText(host),
      port: target?.port ?? null,
      rule,
      status,
    };
  }
}

const NO_TEXTS: readonly string[] = [];

function named<T extends object>(record: T, serverName: DnsName | undefined): T & { readonly serverName?: DnsName } {
  return serverName === undefined ? record : { ...record, serverName };
}
