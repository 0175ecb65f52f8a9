/** A request that the policy lets through, until its answer. */

import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import type { Denial, Permit, Verdict } from '../core/policy.js';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { AbsoluteTarget, Parsed } from '../core/target.js';
import type { Arrivals } from '../door/arrivals.js';
import type { Patience } from '../door/closing.js';
import { refusalOf } from '../door/connect-upstream.js';
import type { Flow, OpenTrace, Trace } from '../door/flow.js';
import type { Judged, Standing } from '../door/standings.js';
import type { Claim } from '../net/memory-budget.js';
import type { CloseCause, Door } from '../observe/record.js';
import type { ClientRequest } from './client-request.js';
import type { ClientResponse } from './client-response.js';
import { outgoingRequest } from './outgoing-request.js';
import { endResponse } from './refusal.js';
import type { RequestHead } from './request-head.js';
import type { ExchangeRequest } from './request-sender.js';
import type { Owner, UpstreamPool } from './upstream-pool.js';
import { sendUpstream, type UpstreamRequest } from './upstream-request.js';
/** What one listener's requests have in common. */
export interface ForwardDoor {
  readonly door: Door;
  readonly pool: UpstreamPool;
  /** Reads the Target out of the request, in the form that the door takes. */
  readonly target: (request: RequestHead) => Parsed<AbsoluteTarget>;
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
  /** Aborts when the client is gone. */
  readonly gone: Patience;
  readonly tokenName: string | null;
}

export interface Allowed {
  readonly verdict: Extract<Verdict, { outcome: 'allow' }>;
  readonly once: boolean;
  readonly trace: OpenTrace;
}

/** The object itself is what is judged again when the policy changes. */
export class Forwarding implements UpstreamRequest, Judged, Standing {
  readonly permit: Permit;
  readonly once: boolean;
  readonly policy = null;
  readonly flow: Flow;
  readonly signal: Patience;
  readonly pool: UpstreamPool;
  readonly owner: Owner;
  readonly request: ExchangeRequest;
  readonly writer: ClientResponse;
  readonly crossed = { up: 0, down: 0 };
  readonly #arrivals: Arrivals;
  readonly #asked: Asked;
  readonly #wouldDeny: Denial | null;
  readonly #trace: OpenTrace;
  #place = -1;
  #isSent = false;
  #isCut = false;
  #isSwitched = false;

  constructor(arrivals: Arrivals, { asked, flow, to, gone, tokenName }: Known, { verdict, once, trace }: Allowed) {
    const { request, response, door, owner } = asked;
    this.permit = verdict.permit;
    this.once = once;
    this.flow = flow;
    this.signal = gone;
    this.pool = door.pool;
    this.owner = { connection: request.socket, tokenName, client: flow.client };
    this.request = outgoingRequest(request, to, { upgrades: owner.onUpgraded !== null });
    this.writer = response.claimWith((refuse) => arrivals.memory.claim('relays', flow.client.address, refuse));
    this.#arrivals = arrivals;
    this.#asked = asked;
    this.#wouldDeny = verdict.wouldDeny;
    this.#trace = trace;
  }

  start(): void {
    this.#place = this.#arrivals.standings.enter(this);
    try {
      if (this.#isCut) this.onSent(null);
      else sendUpstream(this.#arrivals, this);
    } catch (error) {
      this.onSent(error);
    }
  }

  onSent(failure: unknown): void {
    if (this.#isSent) return;
    this.#isSent = true;
    this.#arrivals.standings.leave(this.#place, this);
    if (failure !== null && !this.#isCut) end(this.#asked, this.flow, this.#trace, refusalOf(this.#arrivals, failure));
    this.#close();
    this.#asked.owner.onForwarded();
  }

  claim(refuse: () => void): Claim {
    return this.#arrivals.memory.claim('requests', this.flow.client.address, refuse);
  }

  onConnection(dialed: Address | null, connectMs: number | null): void {
    this.#trace.dialed = dialed;
    if (connectMs !== null) this.#trace.connectMs = connectMs;
  }

  onFinal(status: number): void {
    this.flow.allowed(this.#trace, status, this.permit.rule, this.#wouldDeny);
  }

  onUpgraded(fields: readonly string[], upstream: Socket): void {
    const { permit, once, dialed, policy } = this;
    this.#isSwitched = true;
    this.#asked.owner.onUpgraded?.(this.flow, fields, upstream, { permit, once, dialed, policy });
  }

  get dialed(): Address | null {
    return this.#trace.dialed;
  }

  get standing(): Standing {
    return this;
  }

  /** The policy no longer lets it through. Not answered: the origin's answer may be on its way. */
  cut(denial: Denial): void {
    this.#isCut = true;
    try {
      this.flow.refused(this.#trace, null, denial);
    } catch (error) {
      this.#arrivals.onDefect(error);
    }
    // The content fails with its connection, and the exchange with the content: even one that is answered and still sends.
    this.#asked.response.destroy();
  }

  /** A tunnel gets its close record when it ends; a request that was not allowed gets none. */
  #close(): void {
    const { isAllowed, late } = this.flow;
    if (!isAllowed || this.#isSwitched) return;
    const { up, down } = this.crossed;
    const cause = this.#isCut ? 'policy' : causeOf(late, this.#arrivals.running.isCut);
    this.flow.closed({ bytesUp: up, bytesDown: down, cause });
  }
}

/** Records and answers a refusal, or cuts the answer that has begun. */
export function end({ request, response, owner }: Asked, flow: Flow, trace: Trace, refused: Refusal): void {
  const isOurs = response.isForMemory && refused.reason === 'client-closed';
  endResponse(response, flow, trace, isOurs ? refusal('busy') : refused);
  request.content?.discard();
  owner.onForwarded();
}

/** How a request whose answer had begun ended; `late`: what went wrong after that. */
function causeOf(late: Reason | null, isDrained: boolean): CloseCause {
  switch (late) {
    case null:
      return 'end';
    case 'client-closed':
      return isDrained ? 'drain' : 'client-reset';
    case 'malformed-request':
      return 'client-reset';
    case 'upstream-timeout':
      return 'idle';
    case 'busy':
      return 'busy';
    default:
      return 'upstream-reset';
  }
}
