/** A request that a door forwards: as the door hands it over, and once its target and the verdict are known. */
import type { Socket } from 'node:net';
import type { Verdict } from '../core/policy.js';
import type { AbsoluteTarget, Parsed } from '../core/target.js';
import type { Flow, OpenTrace } from '../door/flow.js';
import type { Standing } from '../door/standings.js';
import type { Door } from '../observe/record.js';
import type { ClientRequest } from './client-request.js';
import type { ClientResponse } from './client-response.js';
import type { RequestHead } from './request-head.js';
import type { UpstreamPool } from './upstream-pool.js';

/** What one listener's requests have in common. */
export interface ForwardDoor {
  readonly door: Door;
  readonly pool: UpstreamPool;
  /** Reads the Target out of the request, in the form that the door takes. */
  readonly target: (url: string, head: RequestHead) => Parsed<AbsoluteTarget>;
}

/** Whose request it is. */
export interface ForwardOwner {
  /** The connection is over a limit. */
  readonly isBusy: boolean;
  /** Takes over a connection that the origin has switched to another protocol; null: no Upgrade is requested. */
  readonly onUpgraded: ((flow: Flow, fields: readonly string[], upstream: Socket, standing: Standing) => void) | null;
  /** Everything is done, though bytes may have yet to leave. May be called before `forward` returns and, after a defect, more than once. */
  onForwarded(): void;
}

export interface Asked {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly door: ForwardDoor;
  readonly owner: ForwardOwner;
}

export interface Known {
  readonly asked: Asked;
  readonly flow: Flow;
  readonly to: AbsoluteTarget;
  readonly tokenName: string | null;
  readonly trace: OpenTrace;
}

export interface Allowed {
  readonly verdict: Extract<Verdict, { outcome: 'allow' }>;
  readonly once: boolean;
}
