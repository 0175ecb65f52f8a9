/** A request with its Permit, over a connection to one of the Permit's addresses: an idle one, or a new one. */
import type { Address } from '../core/address.js';
import type { Permit } from '../core/policy.js';
import { dial } from '../door/admit.js';
import type { Arrivals } from '../door/arrivals.js';
import type { Abortable } from '../net/abort.js';
import type { Dialed } from '../net/dialer.js';
import { secure } from '../net/upstream-tls.js';
import { type Exchanged, type ExchangeEnd, type ExchangeOwner, startExchange, type TimeLimits } from './exchange.js';
import { members, values } from './fields.js';
import type { ExchangeRequest } from './request-sender.js';
import type { UpstreamConnection } from './upstream-connection.js';
import type { Owner, UpstreamPool } from './upstream-pool.js';

export interface UpstreamRequest extends Exchanged {
  readonly permit: Permit;
  /** Aborts when the client is gone. */
  readonly signal: Abortable;
  readonly pool: UpstreamPool;
  readonly owner: Owner;
  /** Receives the octets sent and received for this request; on both connections if it was sent twice. */
  readonly crossed: { up: number; down: number };
  /** A connection is reused (`connectMs` null) or dialled; `dialed` null: there is no connection, or not yet. May be called twice. */
  onConnection(dialed: Address | null, connectMs: number | null): void;
  /** Null: the response (or the upgrade) is done. Otherwise why not: an EgressError, or a defect. */
  onSent(failure: unknown): void;
}

/**
 * How long a connection may have been idle for a request that cannot be repeated: hardly any origin closes sooner.
 */
const FRESH_MS = 1000;
/** Before the first byte on a connection that has served before, which may have died silently; at most half of the idle time-out. */
const REUSED_ANSWER_MS = 5000;

/**
 * Reports the end once, by `onSent`. Sent a second time, under the same permit, only if a connection that had served
 * before brought no byte of an answer and the request may be repeated (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
 */
export function sendUpstream(arrivals: Arrivals, sending: UpstreamRequest): void {
  const { permit, pool, owner, request } = sending;
  answerVainExpectation(sending);
  const mayRepeat = isRepeatable(request);
  const reused =
    request.upgrade === null ? pool.take(permit, owner, mayRepeat ? Number.POSITIVE_INFINITY : FRESH_MS) : null;
  if (reused === null) {
    void sendAnew(arrivals, sending);
    return;
  }
  sending.onConnection(reused.address, null);
  new Attempt(arrivals, sending, reused, mayRepeat).start();
}

/** Over a new connection. Never rejects. */
async function sendAnew(arrivals: Arrivals, sending: UpstreamRequest): Promise<void> {
  try {
    // The address that it was sent to before is no longer the one to judge.
    sending.onConnection(null, null);
    const connection = sending.pool.adopt(sending.permit, await open(arrivals, sending));
    new Attempt(arrivals, sending, connection, false).start();
  } catch (error) {
    sending.onSent(error);
  }
}

/** One exchange over one connection. */
class Attempt implements ExchangeOwner {
  readonly #arrivals: Arrivals;
  readonly #sending: UpstreamRequest;
  readonly #connection: UpstreamConnection;
  readonly #mayRepeat: boolean;
  readonly #up: number;
  readonly #down: number;

  constructor(arrivals: Arrivals, sending: UpstreamRequest, connection: UpstreamConnection, mayRepeat: boolean) {
    this.#arrivals = arrivals;
    this.#sending = sending;
    this.#connection = connection;
    this.#mayRepeat = mayRepeat;
    this.#up = connection.crossed.up;
    this.#down = connection.crossed.down;
  }

  start(): void {
    const [sending, connection] = [this.#sending, this.#connection];
    try {
      startExchange(connection, sending, limitsWith(this.#arrivals, sending, connection), this);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  onExchanged(end: ExchangeEnd): void {
    const { permit, pool, crossed } = this.#sending;
    crossed.up += this.#connection.crossed.up - this.#up;
    crossed.down += this.#connection.crossed.down - this.#down;
    settle(this.#sending, this.#connection, end);
    if (end.kind !== 'failed') this.#sending.onSent(null);
    else if (!this.#mayRepeat || !end.isUnanswered) this.#sending.onSent(end.error);
    else {
      if (end.error.reason === 'upstream-timeout') pool.traits.noteSlow(permit.target);
      void sendAnew(this.#arrivals, this.#sending);
    }
  }
}

function limitsWith(
  arrivals: Arrivals,
  { permit, pool, request }: UpstreamRequest,
  connection: UpstreamConnection,
): TimeLimits {
  const { idleTimeoutMs: idleMs, headerTimeoutMs: headMs } = arrivals.settings().limits;
  const isSuspect = connection.isUsed && isSafe(request) && !pool.traits.isSlow(permit.target);
  return { idleMs, headMs, answerMs: isSuspect ? Math.min(REUSED_ANSWER_MS, idleMs / 2) : idleMs };
}

/** What becomes of the connection. */
function settle(
  { permit, pool, owner, request }: UpstreamRequest,
  connection: UpstreamConnection,
  end: ExchangeEnd,
): void {
  if (end.kind === 'upgraded') return;
  if (end.kind === 'answered') {
    pool.traits.noteVersion(permit.target, end.minor);
    connection.isBound ||= bindsConnection(request.fields, end.fields);
  }
  if (end.kind === 'answered' && end.isReusable) pool.keep(connection, owner, patienceMs(end.fields));
  else connection.close();
}

/** A new connection, with TLS if the scheme says so. */
async function open(arrivals: Arrivals, sending: UpstreamRequest): Promise<Dialed> {
  const { permit, signal } = sending;
  const dialed = await dial(arrivals.gate, permit, signal);
  sending.onConnection(dialed.ok ? dialed.address : null, dialed.ms);
  if (!dialed.ok) throw dialed.error;
  if (permit.target.scheme !== 'https') return dialed;
  const timeoutMs = arrivals.settings().limits.connectTimeoutMs;
  return { ...dialed, socket: await secure(dialed.socket, permit.target, { signal, timeoutMs }) };
}

/** RFC 9110 section 10.1.1: an origin that is known to speak HTTP/1.0 only will never send 100, so the proxy does. */
function answerVainExpectation({ request, permit, pool, writer }: UpstreamRequest): void {
  if (!request.expectsContinue || !pool.traits.isOld(permit.target)) return;
  writer.interim({ status: 100, phrase: 'Continue', fields: [] });
  request.expectsContinue = false;
}

/** RFC 9110 section 9.2.1: what an origin that is merely slow may safely get twice. A second DELETE would be answered 404. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const IDEMPOTENT: ReadonlySet<string> = new Set([...SAFE, 'PUT', 'DELETE']);

function isSafe(request: ExchangeRequest): boolean {
  return isRepeatable(request) && SAFE.has(request.method);
}

function isRepeatable({ method, content, upgrade }: ExchangeRequest): boolean {
  return content === null && upgrade === null && IDEMPOTENT.has(method);
}

/** RFC 4559 and NTLM: from here on the user belongs to the connection, not to the request. */
function bindsConnection(request: readonly string[], response: readonly string[]): boolean {
  return values(request, 'authorization').some(isBinding) || values(response, 'www-authenticate').some(isBinding);
}

function isBinding(value: string): boolean {
  return /(?:^|,)[ \t]*(?:ntlm|negotiate|kerberos)\b/i.test(value);
}

/** What a server says in `Keep-Alive: timeout=5`, or null. */
function patienceMs(fields: readonly string[]): number | null {
  for (const parameter of members(fields, 'keep-alive')) {
    const seconds = /^timeout=(\d{1,6})$/.exec(parameter)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  return null;
}
