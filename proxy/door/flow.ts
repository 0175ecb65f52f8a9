/** One request on its way through a door: what becomes known of it, and its one decision record. */
import type { Address } from '../core/address.js';
import type { ClientIdentity, Policy, Refusal } from '../core/policy.js';
import { REASONS, type Reason } from '../core/reasons.js';
import { type Host, hostText, type Target } from '../core/target.js';
import type { RelayResult } from '../net/relay.js';
import type { DecisionSink, Door } from '../observe/record.js';

export interface Client extends ClientIdentity {
  readonly address: string;
  /** For the log where `name` is null: the PTR name of the address. Never used for a decision. */
  readonly label: string | null;
  /** Names that it could have with the credentials that it has not given; empty where it has, or the door takes none. */
  readonly couldBe: readonly string[];
}

export interface FlowOptions {
  readonly id: string;
  readonly door: Door;
  readonly client: Client;
  readonly method: string | null;
  readonly policy: Policy;
  readonly sink: DecisionSink;
}

/** The first of `allowed`, `refused` and `failed` writes the record; a later one is ignored. */
export class Flow {
  readonly id: string;
  readonly door: Door;
  readonly client: Client;
  /** The policy in force when the request came: one snapshot for all of its decisions. */
  readonly policy: Policy;
  target: Target | null = null;
  /** For a door at which a host comes without a port. */
  host: Host | null = null;
  addresses: readonly Address[] = [];
  dialed: Address | null = null;
  dnsMs: number | null = null;
  connectMs: number | null = null;
  readonly #options: FlowOptions;
  readonly #startedAt = performance.now();
  #recorded = false;
  #late: Reason | null = null;
  #rule: string | null = null;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.id = options.id;
    this.door = options.door;
    this.client = options.client;
    this.policy = options.policy;
  }

  get isRecorded(): boolean {
    return this.#recorded;
  }

  /** `wouldDeny`: in mode `report`, what enforcement would have said. */
  allowed(status: number | null, rule: string, wouldDeny: Refusal | null): void {
    this.#record('allow', wouldDeny?.reason ?? null, wouldDeny?.rule ?? rule, status);
  }

  refused({ reason, rule }: Pick<Refusal, 'reason' | 'rule'>, status: number | null): void {
    this.#record(REASONS[reason].outcome, reason, rule, status);
  }

  closed(result: RelayResult): void {
    const { bytesUp, bytesDown, cause } = result;
    const durationMs = Math.round(performance.now() - this.#startedAt);
    const time = new Date().toISOString();
    this.#options.sink.closed({
      event: 'closed',
      id: this.id,
      time,
      ...this.#where(),
      rule: this.#rule,
      bytesUp,
      bytesDown,
      durationMs,
      cause,
      reason: this.#late,
    });
  }

  #record(outcome: 'allow' | 'deny' | 'fail', reason: Reason | null, rule: string | null, status: number | null): void {
    if (this.#recorded) {
      this.#late = reason;
      return;
    }
    this.#recorded = true;
    this.#rule = rule;
    this.#options.sink.decision({
      event: 'decision',
      id: this.id,
      time: new Date().toISOString(),
      outcome,
      reason,
      rule,
      mode: this.policy.mode,
      ...this.#where(),
      method: this.#options.method,
      addresses: this.addresses.map(({ text }) => text),
      dialed: this.dialed?.text ?? null,
      status,
      dnsMs: this.dnsMs,
      connectMs: this.connectMs,
    });
  }

  /** Who asked through which door for what: the same in the decision and in the close record. */
  #where() {
    const { client, target, door } = this;
    const host = target?.host ?? this.host;
    return {
      client: { address: client.address, name: client.name ?? client.label },
      door,
      host: host === null ? null : hostText(host),
      port: target?.port ?? null,
    };
  }
}
