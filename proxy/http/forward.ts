/** Requests in absolute-form, and those that a steering door makes into it: forwarded over a vetted connection. */
import type { Socket } from 'node:net';
import type { Denial, Permit, Verdict } from '../core/policy.js';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { AbsoluteTarget, Parsed } from '../core/target.js';
import type { Arrivals } from '../door/arrivals.js';
import type { Credentials } from '../door/clients.js';
import { Patience, turnedAway } from '../door/closing.js';
import { refusalOf } from '../door/connect-upstream.js';
import { EMPTY_TRACE, type Flow, type Trace, traceOf } from '../door/flow.js';
import type { Standing } from '../door/standings.js';
import type { Claim } from '../net/memory-budget.js';
import type { CloseCause, Door } from '../observe/record.js';
import type { ClientRequest } from './client-request.js';
import type { ClientResponse } from './client-response.js';
import { hasOwnVia } from './fields.js';
import { hopsLeft, outgoingRequest } from './outgoing-request.js';
import { phraseOf } from './phrases.js';
import { endResponse } from './refusal.js';
import { credentialsOf, headFault, type RequestHead } from './request-head.js';
import type { ExchangeRequest } from './request-sender.js';
import type { Owner, UpstreamPool } from './upstream-pool.js';
import { sendUpstream, type UpstreamRequest } from './upstream-request.js';

export interface ForwardOptions {
  readonly door: Door;
  readonly pool: UpstreamPool;
  /** Reads the Target out of the request, in the form that the door takes. */
  readonly target: (request: RequestHead) => Parsed<AbsoluteTarget>;
  readonly busy: boolean;
  /** What to do with a connection that the origin has switched to another protocol; null: no Upgrade is asked for. */
  readonly onUpgraded: ((flow: Flow, fields: readonly string[], upstream: Socket, standing: Standing) => void) | null;
}

/**
 * One request from its head to the end of its response. Never rejects; every path ends in one decision record, and in one
 * close record where it was allowed.
 */
export async function forward(
  arrivals: Arrivals,
  request: ClientRequest,
  response: ClientResponse,
  options: ForwardOptions,
): Promise<void> {
  const credentials = credentialsOf(request);
  const arriving = arrivals.arrive(options.door, request.socket, { method: request.method ?? '', credentials });
  const { flow, isKnown } = arriving instanceof Promise ? await arriving : arriving;
  const parsed = options.target(request);
  const trace = parsed.ok ? traceOf(parsed.value.target) : EMPTY_TRACE;
  const ending = { request, response, flow };
  const fault = response.isLost ? 'client-closed' : (turnedAway(arrivals, options.busy) ?? headFault(request));
  if (fault !== null) return end(ending, trace, refusal(fault));
  if (!parsed.ok) return end(ending, trace, refusal(parsed.reason));
  if (!isKnown) return end(ending, trace, refusal('client-unauthenticated'));
  if (hasOwnVia(request.rawHeaders)) return end(ending, trace, refusal('proxy-loop'));

  const gone = new Patience(request.socket, request.unread);
  response.whenLost(() => gone.abort());
  try {
    const admitting = arrivals.admit(flow, parsed.value.target, gone);
    const { verdict, addresses, dnsMs, once = false } = admitting instanceof Promise ? await admitting : admitting;
    const known = { ...traceOf(parsed.value.target), addresses, dnsMs };
    if (verdict.outcome === 'deny') return end(ending, known, verdict);
    if (verdict.outcome === 'fail') return end(ending, known, refusalOf(arrivals, verdict.error));
    if (hopsLeft(request) === 0) {
      flow.allowed(known, answerHere(response), verdict.permit.rule, null);
      return flow.closed({ bytesUp: 0, bytesDown: 0, cause: 'end' });
    }
    const tokenName = hasToken(credentials) ? flow.client.name : null;
    const admitted = { ...ending, options, to: parsed.value, signal: gone, tokenName, once };
    await new Forwarding(arrivals, admitted, verdict, known).run();
  } catch (error) {
    end(ending, trace, refusalOf(arrivals, error));
  }
}

interface Ending {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly flow: Flow;
}

function end({ request, response, flow }: Ending, trace: Trace, refused: Refusal): void {
  const isOurs = response.isForMemory && refused.reason === 'client-closed';
  endResponse(response, flow, trace, isOurs ? refusal('busy') : refused);
  request.content?.discard();
}

interface Admitted extends Ending {
  readonly options: ForwardOptions;
  readonly to: AbsoluteTarget;
  /** Aborts when the client is gone. */
  readonly signal: Patience;
  readonly tokenName: string | null;
  readonly once: boolean;
}

/** A request that the policy lets through, on its way to its answer. */
class Forwarding implements UpstreamRequest {
  readonly permit: Permit;
  readonly signal: Patience;
  readonly pool: UpstreamPool;
  readonly owner: Owner;
  readonly request: ExchangeRequest;
  readonly writer: ClientResponse;
  readonly crossed = { up: 0, down: 0 };
  readonly #arrivals: Arrivals;
  readonly #of: Admitted;
  readonly #wouldDeny: Denial | null;
  #trace: Trace;
  #isCut = false;
  #isSwitched = false;

  constructor(arrivals: Arrivals, admitted: Admitted, { permit, wouldDeny }: Allowance, trace: Trace) {
    const { request, response, flow, options, to, signal, tokenName } = admitted;
    this.permit = permit;
    this.signal = signal;
    this.pool = options.pool;
    this.owner = { connection: request.socket, tokenName, client: flow.client };
    this.request = outgoingRequest(request, to, { upgrades: options.onUpgraded !== null });
    this.writer = response.claimWith((refuse) => arrivals.memory.claim('relays', flow.client.address, refuse));
    this.#arrivals = arrivals;
    this.#of = admitted;
    this.#wouldDeny = wouldDeny;
    this.#trace = trace;
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { flow } = this.#of;
    const unjudged = this.#arrivals.standings.add(
      flow,
      () => this.#standing,
      (denial) => this.#cut(denial),
    );
    try {
      const failure = this.#isCut ? null : await sendUpstream(this.#arrivals, this);
      if (failure !== null) this.#fail(failure);
    } catch (error) {
      this.#fail(error);
    }
    unjudged();
    this.#close();
  }

  claim(refuse: () => void): Claim {
    return this.#arrivals.memory.claim('requests', this.#of.flow.client.address, refuse);
  }

  onConnection(way: Partial<Pick<Trace, 'dialed' | 'connectMs'>>): void {
    this.#trace = { ...this.#trace, ...way };
  }

  onFinal(status: number): void {
    this.#of.flow.allowed(this.#trace, status, this.permit.rule, this.#wouldDeny);
  }

  onUpgraded(fields: readonly string[], upstream: Socket): void {
    this.#isSwitched = true;
    this.#of.options.onUpgraded?.(this.#of.flow, fields, upstream, this.#standing);
  }

  get #standing(): Standing {
    return { permit: this.permit, once: this.#of.once, dialed: this.#trace.dialed, policy: null };
  }

  /** What has become a tunnel has its record when that ends; what was not allowed, none. */
  #close(): void {
    const { flow } = this.#of;
    const { isAllowed, late } = flow;
    if (!isAllowed || this.#isSwitched) return;
    const { up, down } = this.crossed;
    const cause = this.#isCut ? 'policy' : causeOf(late, this.#arrivals.running.isCut);
    flow.closed({ bytesUp: up, bytesDown: down, cause });
  }

  /** What the policy lets through no more. No answer: the origin's may be on its way. */
  #cut(denial: Denial): void {
    const { flow, response, request } = this.#of;
    this.#isCut = true;
    flow.refused(this.#trace, null, denial);
    response.destroy();
    request.content?.discard();
  }

  #fail(error: unknown): void {
    if (!this.#isCut) end(this.#of, this.#trace, refusalOf(this.#arrivals, error));
  }
}

type Allowance = Extract<Verdict, { outcome: 'allow' }>;

/** How a request ended whose answer had begun; `late`: what went wrong then. */
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

/** Without a password, it is by something else that the client is known. */
function hasToken(credentials: Credentials | null): boolean {
  return (credentials?.password ?? '') !== '';
}

/** Max-Forwards has run out: this proxy is the final recipient, and as such it says nothing about itself. */
function answerHere(response: ClientResponse): number {
  const status = response.request.method === 'OPTIONS' ? 204 : 405;
  const fields = ['Allow', 'OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT', 'Date', new Date().toUTCString()];
  if (status === 405) fields.push('Content-Length', '0');
  response.answer({ status, phrase: phraseOf(status), fields }, false, Buffer.alloc(0));
  return status;
}
