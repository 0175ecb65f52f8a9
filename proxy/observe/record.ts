/** The records of the log, the admin API and the page: one shape, tested as an API. */
import type { Reason } from '../core/reasons.js';
import type { SpawnReason } from '../core/spawn-reasons.js';

export const DOORS = [
  'connect',
  'absolute',
  'upgrade',
  'socks',
  'steer-dns',
  'steer-http',
  'steer-tls',
  'relay',
] as const;
export type Door = (typeof DOORS)[number];

/**
 * Exactly one per request, except in a flood (`repeats`). Never a path, a query, a header field, a credential or a byte of
 * payload.
 */
export interface DecisionRecord {
  readonly event: 'decision';
  /** Unique among instances. Sorts by time as text: within one run, later records have greater ids. */
  readonly id: string;
  /** ISO 8601 with milliseconds. */
  readonly time: string;
  readonly outcome: 'allow' | 'deny' | 'fail';
  /** With outcome `allow`, only in mode `report` and with `sni: log`: what enforcement would have said. */
  readonly reason: Reason | null;
  readonly rule: string | null;
  readonly mode: 'enforce' | 'report';
  readonly client: { readonly address: string; readonly name: string | null };
  readonly door: Door;
  readonly method: string | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly addresses: readonly string[];
  readonly dialed: string | null;
  /** The status sent to the client; null where the door has none. */
  readonly status: number | null;
  readonly dnsMs: number | null;
  readonly connectMs: number | null;
  /** The server name in the tunnel's ClientHello, if `policy.sni` objects to it; else absent. */
  readonly serverName?: string;
  /**
   * How many more requests of the same client, door and reason this record stands for, which have no record of their own;
   * absent: none. `host` is null if they had different ones.
   */
  readonly repeats?: number;
  /** The process that decided: pod, container or machine. Added when the record is written. */
  readonly instance?: string;
}

/** True for what was let through but would have been refused in mode `enforce`. */
export function isReported({ outcome, reason }: Pick<DecisionRecord, 'outcome' | 'reason'>): boolean {
  return outcome === 'allow' && reason !== null;
}

/** One for each allowed request, when both directions of its tunnel, or its answer, have ended. */
export interface CloseRecord {
  readonly event: 'closed';
  readonly id: string;
  readonly time: string;
  readonly client: DecisionRecord['client'];
  readonly door: Door;
  readonly host: string | null;
  readonly port: number | null;
  readonly rule: string | null;
  /** As in the decision record. */
  readonly status: number | null;
  /**
   * In a tunnel, what was read from the client (up) and from the destination (down); of a forwarded request, what was written
   * to the origin and read from it: heads, framing and content, within TLS.
   */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Counted from the arrival of the request. */
  readonly durationMs: number;
  readonly cause: CloseCause;
  /**
   * What came to light after the decision record: what `policy.sni` refused or would have refused, why a changed policy
   * forbids it now, or a fault in what the origin sent. Null if nothing did.
   */
  readonly reason: Reason | null;
  /** As in a decision record. */
  readonly serverName?: string;
  /** As in a decision record. The bytes are then those of all of them together. */
  readonly repeats?: number;
  readonly instance?: string;
}

/** `refused`: the policy did not allow the first bytes in the tunnel. `policy`: the policy has changed and forbids it now. */
export type CloseCause = 'end' | 'client-reset' | 'upstream-reset' | 'idle' | 'drain' | 'refused' | 'busy' | 'policy';

/** What holds the sink: to be read for each record, since another one may take its place. */
export interface Records {
  readonly sink: DecisionSink;
}

/** Where the doors leave their records. Implementations never throw and never block. */
export interface DecisionSink {
  decision(record: DecisionRecord): void;
  closed(record: CloseRecord): void;
}

/**
 * A decision of the spawn guard: one for each container that is created, each image that is pulled and each request that is
 * refused. Holds no values of environment variables, no arguments, and no label but the server's name.
 */
export interface SpawnRecord {
  readonly event: 'spawn';
  readonly id: string;
  readonly time: string;
  readonly outcome: 'allow' | 'deny' | 'fail';
  readonly reason: SpawnReason | null;
  /** What was asked for: `create`, `pull`, `start` and so on, or method and path of a request that is none of these. */
  readonly operation: string;
  readonly server: string | null;
  readonly image: string | null;
  /** The field that was refused, such as `HostConfig.Privileged`. */
  readonly field: string | null;
  /** The container's name, and its address on the tools' network. */
  readonly container: string | null;
  readonly address: string | null;
  readonly status: number;
  /** The explanation that the client got. */
  readonly explanation: string | null;
  /** The guard's container. */
  readonly instance?: string;
}
