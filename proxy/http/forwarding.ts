/** A request that the policy lets through, until its answer: over a connection to one of its Permit's addresses, idle or new. */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import type { Denial, Permit } from '../core/policy.js';
import { EgressError, type Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Arrivals } from '../door/arrivals.js';
import { refusalOf } from '../door/connect-upstream.js';
import { dial } from '../door/dial.js';
import type { Client, Flow, OpenTrace, Trace } from '../door/flow.js';
import type { Entered, Standing } from '../door/standings.js';
import type { Dialed } from '../net/dialer.js';
import type { Claim } from '../net/memory-budget.js';
import { secure } from '../net/upstream-tls.js';
import type { CloseCause } from '../observe/record.js';
import type { Allowed, Asked, Known } from './asked.js';
import type { Claimant, ClientResponse } from './client-response.js';
import { Exchange } from './exchange.js';
import type { Exchanged, ExchangeEnd, ExchangeRequest } from './exchanged.js';
import { IDEMPOTENT, outgoingRequest, SAFE } from './passed-on.js';
import { endResponse } from './refusal.js';
import type { UpstreamConnection } from './upstream-connection.js';
import type { Owner, UpstreamPool } from './upstream-pool.js';

/** How long a connection may have been idle for a request that cannot be repeated: hardly any origin closes sooner. */
const FRESH_MS = 1000;
/** Before the first byte on a connection that has served before, which may have died silently; at most half of the idle time-out. */
const REUSED_ANSWER_MS = 5000;

/**
 * One object from the verdict to the end of the answer; itself what is judged again when the policy changes. Sent a second time,
 * under the same permit, only if a connection that had served before brought no byte of an answer and the request may be
 * repeated (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
 */
export class Forwarding implements Exchanged, Claimant, Owner, Entered, Standing {
  readonly permit: Permit;
  readonly once: boolean;
  readonly policy = null;
  readonly standing = this;
  readonly flow: Flow;
  readonly client: Client;
  /** The client's connection, and the name that it has shown a token for. */
  readonly connection: Socket;
  readonly tokenName: string | null;
  readonly request: ExchangeRequest;
  readonly mayBind: boolean;
  readonly writer: ClientResponse;
  before: Entered | null = null;
  behind: Entered | null = null;
  isOver = false;
  readonly #arrivals: Arrivals;
  readonly #asked: Asked;
  readonly #pool: UpstreamPool;
  readonly #wouldDeny: Denial | null;
  readonly #trace: OpenTrace;
  /** The connection to the origin. */
  #upstream: UpstreamConnection | null = null;
  /** Octets sent and received for this request; on both connections if it was sent twice. */
  #up = 0;
  #down = 0;
  #mayRepeat = false;
  #isFinished = false;
  #isCut = false;
  #isSwitched = false;

  constructor(arrivals: Arrivals, { asked, flow, to, tokenName, trace }: Known, { verdict, once }: Allowed) {
    const { request, response, door, owner } = asked;
    this.permit = verdict.permit;
    this.once = once;
    this.flow = flow;
    this.client = flow.client;
    this.connection = request.socket;
    this.tokenName = tokenName;
    this.request = outgoingRequest(request, to, { upgrades: owner.onUpgraded !== null });
    this.mayBind = request.noted.authorization !== null;
    this.writer = response;
    response.claimant = this;
    this.#arrivals = arrivals;
    this.#asked = asked;
    this.#pool = door.pool;
    this.#wouldDeny = verdict.wouldDeny;
    this.#trace = trace;
  }

  /** Sends it over an idle connection if there is one, and otherwise over a new one. */
  start(): void {
    const { request, permit } = this;
    const denial = this.#arrivals.objection(this.flow, this.standing);
    this.#arrivals.standings.enter(this);
    if (denial !== null) {
      this.cut(denial);
      this.#finish(null);
      return;
    }
    try {
      if (request.expectsContinue) this.#answerVainExpectation();
      this.#mayRepeat = request.content === null && request.upgrade === null && IDEMPOTENT.has(request.method);
      const freshMs = this.#mayRepeat ? Number.POSITIVE_INFINITY : FRESH_MS;
      const reused = request.upgrade === null ? this.#pool.take(permit, this, freshMs) : null;
      if (reused === null) void this.#sendAnew();
      else this.#exchange(reused);
    } catch (error) {
      this.#finish(error);
    }
  }

  /** Over a new connection. Never rejects. */
  async #sendAnew(): Promise<void> {
    this.#mayRepeat = false;
    // The address that it was sent to before is no longer the one to judge.
    this.#trace.dialed = null;
    try {
      this.#exchange(this.#pool.adopt(this.permit, await this.#open()));
    } catch (error) {
      this.#finish(error);
    }
  }

  /** A new connection, with TLS if the scheme says so. */
  async #open(): Promise<Dialed> {
    const { target } = this.permit;
    const dialed = await dial(this.#arrivals.gate, this.permit, this.writer.lost);
    this.#trace.dialed = dialed.ok ? dialed.address : null;
    this.#trace.connectMs = dialed.ms;
    if (!dialed.ok) throw dialed.error;
    if (target.scheme !== 'https') return dialed;
    const timeoutMs = this.#arrivals.inForce.settings.limits.connectTimeoutMs;
    return { ...dialed, socket: await secure(dialed.socket, target, { signal: this.writer.lost, timeoutMs }) };
  }

  #exchange(upstream: UpstreamConnection): void {
    this.#upstream = upstream;
    this.#trace.dialed = upstream.address;
    const { idleTimeoutMs: idleMs, headerTimeoutMs: headMs } = this.#arrivals.inForce.settings.limits;
    const isSlow = !this.#pool.traits.isEmpty && this.#pool.traits.isSlow(this.permit.target);
    const isSuspect = upstream.isUsed && !isSlow && this.#mayRepeat && SAFE.has(this.request.method);
    const answerMs = isSuspect ? Math.min(REUSED_ANSWER_MS, idleMs / 2) : idleMs;
    try {
      if (this.connection.destroyed) throw new EgressError('client-closed');
      new Exchange(upstream, this, { idleMs, headMs, answerMs }).start();
    } catch (error) {
      upstream.close();
      throw error;
    }
  }

  onExchanged(end: ExchangeEnd): void {
    const upstream = this.#upstream;
    if (upstream === null) return;
    this.#up += upstream.up;
    this.#down += upstream.down;
    if (end.kind === 'failed') upstream.close();
    if (end.kind === 'answered') this.#pool.settle(upstream, this, end);
    if (end.kind !== 'failed') this.#finish(null);
    else if (!this.#mayRepeat || !end.isUnanswered) this.#finish(end.error);
    else {
      if (end.error.reason === 'upstream-timeout') this.#pool.traits.noteSlow(this.permit.target);
      void this.#sendAnew();
    }
  }

  claim(refuse: () => void): Claim {
    return this.#arrivals.memory.claim('requests', this.client.address, refuse);
  }

  /** For what its client does not read. */
  claimUnread(refuse: () => void): Claim {
    return this.#arrivals.memory.claim('relays', this.client.address, refuse);
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

  /** The policy no longer lets it through. Not answered: the origin's answer may be on its way. */
  cut(denial: Denial): void {
    this.#isCut = true;
    this.isOver = true;
    try {
      this.flow.refused(this.#trace, null, denial);
    } catch (error) {
      this.#arrivals.onDefect(error);
    }
    // The content fails with its connection, and the exchange with the content: even one that is answered and still sends.
    this.#asked.response.destroy();
  }

  /** Null: the response (or the upgrade) is done. Otherwise why not: an EgressError, or a defect. Ends it whatever else fails. */
  #finish(failure: unknown): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.isOver = true;
    this.#arrivals.standings.leave(this);
    try {
      if (failure !== null && !this.#isCut)
        end(this.#asked, this.flow, this.#trace, refusalOf(this.#arrivals, failure));
      // A tunnel gets its close record when it ends; a request that was not allowed gets none.
      if (this.flow.isAllowed && !this.#isSwitched) {
        const ended = this.flow.late === null ? 'end' : causeOf(this.flow.late, this.#arrivals.running.isCut);
        this.flow.closed({ bytesUp: this.#up, bytesDown: this.#down, cause: this.#isCut ? 'policy' : ended });
      }
    } catch (error) {
      this.#arrivals.onDefect(error);
      this.#asked.response.destroy();
    }
    this.#asked.owner.onForwarded();
  }

  /** RFC 9110 section 10.1.1: an origin that is known to speak HTTP/1.0 only will never send 100, so the proxy does. */
  #answerVainExpectation(): void {
    const { request, permit, writer } = this;
    if (!this.#pool.traits.isOld(permit.target)) return;
    writer.interim({ status: 100, phrase: 'Continue', fields: [] });
    request.expectsContinue = false;
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
function causeOf(late: Reason, isDrained: boolean): CloseCause {
  switch (late) {
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
