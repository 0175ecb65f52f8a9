/** Requests in absolute-form, and those that a steering door makes into it: forwarded over a vetted connection. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Denial, Verdict } from '../core/policy.js';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import { type AbsoluteTarget, authorityText, type Parsed, type Target } from '../core/target.js';
import type { Arrivals } from '../door/arrivals.js';
import type { Credentials } from '../door/clients.js';
import { Patience, turnedAway } from '../door/closing.js';
import { refusalOf } from '../door/connect-upstream.js';
import { EMPTY_TRACE, type Flow, type Trace } from '../door/flow.js';
import type { Standing } from '../door/standings.js';
import type { CloseCause, Door } from '../observe/record.js';
import type { ClientRequest } from './client-request.js';
import { type ClientResponse, expectsContinue } from './client-response.js';
import { hasOwnVia, requestFields, values } from './fields.js';
import { endResponse } from './refusal.js';
import { credentialsOf, headFault, type RequestHead } from './request-head.js';
import type { ExchangeRequest } from './request-sender.js';
import type { UpstreamPool } from './upstream-pool.js';
import { sendUpstream } from './upstream-request.js';

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
  const method = request.method ?? '';
  const credentials = credentialsOf(request);
  const { flow, isKnown } = await arrivals.arrive(options.door, request.socket, { method, credentials });
  const parsed = options.target(request);
  const trace: Trace = parsed.ok ? { ...EMPTY_TRACE, target: parsed.value.target } : EMPTY_TRACE;
  const forwarding = new Forwarding(arrivals, request, response, options, flow, trace);
  const fault = response.isLost ? 'client-closed' : (turnedAway(arrivals, options.busy) ?? headFault(request));
  if (fault !== null) return forwarding.refuse(fault);
  if (!parsed.ok) return forwarding.refuse(parsed.reason);
  if (!isKnown) return forwarding.refuse('client-unauthenticated');
  if (hasOwnVia(request.rawHeaders)) return forwarding.refuse('proxy-loop');
  const tokenName = hasToken(credentials) ? flow.client.name : null;
  await forwarding.send(parsed.value, tokenName);
}

type Allowance = Extract<Verdict, { outcome: 'allow' }>;

/** A request that has arrived, on its way to its answer. */
class Forwarding {
  readonly #arrivals: Arrivals;
  readonly #request: ClientRequest;
  readonly #response: ClientResponse;
  readonly #options: ForwardOptions;
  readonly #flow: Flow;
  #trace: Trace;
  readonly #crossed = { up: 0, down: 0 };
  #isCut = false;
  #isSwitched = false;

  constructor(
    arrivals: Arrivals,
    request: ClientRequest,
    response: ClientResponse,
    options: ForwardOptions,
    flow: Flow,
    trace: Trace,
  ) {
    this.#arrivals = arrivals;
    this.#request = request;
    this.#response = response;
    this.#options = options;
    this.#flow = flow;
    this.#trace = trace;
  }

  refuse(reason: Reason): void {
    this.#end(refusal(reason));
  }

  #end(refused: Refusal): void {
    const isOurs = this.#response.isForMemory && refused.reason === 'client-closed';
    endResponse(this.#response, this.#flow, this.#trace, isOurs ? refusal('busy') : refused);
    this.#request.content?.discard();
  }

  async send(to: AbsoluteTarget, tokenName: string | null): Promise<void> {
    const gone = new Patience(this.#request.socket);
    this.#response.whenLost(() => gone.abort());
    let unjudged = (): void => undefined;
    try {
      const { verdict, addresses, dnsMs, once = false } = await this.#arrivals.admit(this.#flow, to.target, gone);
      this.#trace = { ...this.#trace, addresses, dnsMs };
      if (verdict.outcome === 'deny') return this.#end(verdict);
      if (verdict.outcome === 'fail') throw verdict.error;
      const hops = hopsLeft(this.#request);
      if (hops === 0) {
        return this.#flow.allowed(this.#trace, answerHere(this.#response), verdict.permit.rule, null);
      }
      const standing = (): Standing => ({ permit: verdict.permit, once, dialed: this.#trace.dialed, policy: null });
      unjudged = this.#arrivals.standings.add(this.#flow, standing, (denial) => this.#cut(denial));
      const failure = await sendUpstream(this.#arrivals, {
        ...this.#upstream(verdict, standing),
        signal: gone,
        owner: { connection: this.#request.socket, tokenName, client: this.#flow.client },
        request: outgoingRequest(this.#request, to, { hops, upgrades: this.#options.onUpgraded !== null }),
      });
      if (failure !== null) throw failure;
    } catch (error) {
      if (!this.#isCut) this.#end(refusalOf(this.#arrivals, error));
    } finally {
      unjudged();
      this.#close();
    }
  }

  /** What has become a tunnel has its record when that ends; what was not allowed, none. */
  #close(): void {
    const { isAllowed, late } = this.#flow;
    if (!isAllowed || this.#isSwitched) return;
    const { up, down } = this.#crossed;
    const cause = this.#isCut ? 'policy' : causeOf(late, this.#arrivals.running.isCut);
    this.#flow.closed({ bytesUp: up, bytesDown: down, cause });
  }

  /** What the policy lets through no more. No answer: the origin's may be on its way. */
  #cut(denial: Denial): void {
    this.#isCut = true;
    this.#flow.refused(this.#trace, null, denial);
    this.#response.destroy();
    this.#request.content?.discard();
  }

  #upstream({ permit, wouldDeny }: Allowance, standing: () => Standing) {
    const { memory } = this.#arrivals;
    const { address } = this.#flow.client;
    const { pool, onUpgraded } = this.#options;
    return {
      permit,
      pool,
      writer: this.#response.claimWith((refuse) => memory.claim('relays', address, refuse)),
      claim: (refuse: () => void) => memory.claim('requests', address, refuse),
      crossed: this.#crossed,
      onConnection: (way: Partial<Pick<Trace, 'dialed' | 'connectMs'>>) => {
        this.#trace = { ...this.#trace, ...way };
      },
      onFinal: (status: number) => this.#flow.allowed(this.#trace, status, permit.rule, wouldDeny),
      onUpgraded: (fields: readonly string[], upstream: Socket) => {
        this.#isSwitched = true;
        onUpgraded?.(this.#flow, fields, upstream, standing());
      },
    };
  }
}

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

function outgoingRequest(
  request: ClientRequest,
  { target, path, isBare }: AbsoluteTarget,
  options: { readonly hops: number | null; readonly upgrades: boolean },
): ExchangeRequest {
  const fields = requestFields(request.rawHeaders, request.httpVersion, hostField(target));
  if (options.hops !== null) setField(fields, 'max-forwards', String(options.hops - 1));
  const method = request.method ?? '';
  return {
    method,
    path: isBare && method === 'OPTIONS' ? '*' : path,
    fields,
    content: request.content,
    upgrade: options.upgrades ? values(request.rawHeaders, 'upgrade').join(', ') : null,
    // Without content there is nothing to wait with.
    expectsContinue: request.content !== null && expectsContinue(request),
  };
}

/** RFC 9110 section 7.2: the target's authority, without the default port of its scheme. */
function hostField(target: Target): string {
  const text = authorityText(target);
  const isDefault = target.port === (target.scheme === 'https' ? 443 : 80);
  return isDefault ? text.slice(0, text.lastIndexOf(':')) : text;
}

/** RFC 9110 section 7.6.2: counts for TRACE and OPTIONS only. Null where it says nothing. */
function hopsLeft(request: RequestHead): number | null {
  if (request.method !== 'TRACE' && request.method !== 'OPTIONS') return null;
  const [value = ''] = values(request.rawHeaders, 'max-forwards');
  return /^\d{1,9}$/.test(value) ? Number(value) : null;
}

/** Max-Forwards has run out: this proxy is the final recipient, and as such it says nothing about itself. */
function answerHere(response: ClientResponse): number {
  const status = response.request.method === 'OPTIONS' ? 204 : 405;
  const fields = ['Allow', 'OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT', 'Date', new Date().toUTCString()];
  if (status === 405) fields.push('Content-Length', '0');
  response.answer({ status, phrase: STATUS_CODES[status] ?? '', fields }, false, Buffer.alloc(0));
  return status;
}

function setField(fields: string[], name: string, value: string): void {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i]?.toLowerCase() === name) fields[i + 1] = value;
}
