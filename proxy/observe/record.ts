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
  /** Unique among instances. Sorts by time of the decision: later records have greater ids (as text) within one run. */
  readonly id: string;
  /** ISO 8601 with milliseconds. */
  readonly time: string;
  readonly outcome: 'allow' | 'deny' | 'fail';
  /** With outcome `allow` only in mode `report` and with `sni: log`: what enforcement would have said. */
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
  /** What the ClientHello in the tunnel named, where `policy.sni` has that against it; else absent. */
  readonly serverName?: string;
  /**
   * For how many more requests of the same client, door and reason this record stands, which have none of their own;
   * absent for a request that nothing was left out beside. `host` is null where they had different ones.
   */
  readonly repeats?: number;
  /** The process that decided: pod, container or machine. Put there where the record is written. */
  readonly instance?: string;
}

/** True for what was let through and would have been refused if the mode were `enforce`. */
export function isReported({ outcome, reason }: Pick<DecisionRecord, 'outcome' | 'reason'>): boolean {
  return outcome === 'allow' && reason !== null;
}

/** One for each request that was allowed: when both directions of its tunnel have ended, or its answer is over. */
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
   * Of a tunnel what was read from the client, and from the destination; of a forwarded request what was written to the
   * origin, and read from it: heads, framing and content, within TLS.
   */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Since the request came. */
  readonly durationMs: number;
  readonly cause: CloseCause;
  /**
   * What came to light after the decision record: what `policy.sni` refused, or would have; what a changed policy has
   * against it; a fault in what the origin sent. Null for all others.
   */
  readonly reason: Reason | null;
  /** As in a decision record. */
  readonly serverName?: string;
  /** As in a decision record; the bytes are then of all. */
  readonly repeats?: number;
  readonly instance?: string;
}

/** `refused`: the first bytes in the tunnel were not what the policy allows. `policy`: it has changed, and forbids it now. */
export type CloseCause = 'end' | 'client-reset' | 'upstream-reset' | 'idle' | 'drain' | 'refused' | 'busy' | 'policy';

/** False for the close record of a request that was forwarded, and answered. */
export function isOfTunnel({ door, status }: Pick<CloseRecord, 'door' | 'status'>): boolean {
  return status === 101 || !FORWARDING.has(door);
}

const FORWARDING: ReadonlySet<Door> = new Set<Door>(['absolute', 'upgrade', 'steer-http']);

/** Where the doors leave their records. Implementations never throw and never block. */
export interface DecisionSink {
  decision(record: DecisionRecord): void;
  closed(record: CloseRecord): void;
}

/**
 * What the spawn guard decided: one for each container that is created, each image that is pulled and each request that
 * is refused. Never a value of an environment variable, an argument or a label but the server's name.
 */
export interface SpawnRecord {
  readonly event: 'spawn';
  readonly id: string;
  readonly time: string;
  readonly outcome: 'allow' | 'deny' | 'fail';
  readonly reason: SpawnReason | null;
  /** What was asked for: `create`, `pull`, `start` ..., or the method and path of what is none of them. */
  readonly operation: string;
  readonly server: string | null;
  readonly image: string | null;
  /** Which field was refused: `HostConfig.Privileged`. */
  readonly field: string | null;
  /** The container's name, and its address on the tools' network. */
  readonly container: string | null;
  readonly address: string | null;
  readonly status: number;
  /** What the client was answered, in words. */
  readonly explanation: string | null;
  /** The guard's container. */
  readonly instance?: string;
}
