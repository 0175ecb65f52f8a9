/** A request with its Permit, over a connection to one of the Permit's addresses: an idle one, or a new one. */
import type { Permit } from '../core/policy.js';
import type { EgressError } from '../core/reasons.js';
import { authorityText } from '../core/target.js';
import { dial } from '../door/admit.js';
import type { Arrivals } from '../door/arrivals.js';
import type { Trace } from '../door/flow.js';
import type { Abortable } from '../net/abort.js';
import type { Dialed } from '../net/dialer.js';
import { secure } from '../net/upstream-tls.js';
import { type Exchanged, type ExchangeEnd, exchange, type TimeLimits } from './exchange.js';
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
  /** Gets what went to the origin for this request, and what came back; of both connections where it was sent twice. */
  readonly crossed: { up: number; down: number };
  /** A connection is taken or dialled for the request; perhaps twice. */
  onConnection(way: Partial<Pick<Trace, 'dialed' | 'connectMs'>>): void;
}

/**
 * How long a connection may have been idle for a request that cannot be repeated: within it, hardly any origin closes.
 */
const FRESH_MS = 1000;
/** Before the first byte on a connection that has served before, which may have died without a word; at most half of the idle time-out. */
const REUSED_ANSWER_MS = 5000;

/**
 * Null when the response (or the upgrade) is done, else why not. Rejects with an EgressError where no connection can be
 * had. Sent a second time, within the same permit, only where a connection that had served before brought no byte of an
 * answer, and where the request may be repeated (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
 */
export async function sendUpstream(arrivals: Arrivals, sending: UpstreamRequest): Promise<EgressError | null> {
  const { permit, pool, owner, request } = sending;
  answerVainExpectation(sending);
  const mayRepeat = isRepeatable(request);
  const reused =
    request.upgrade === null ? pool.take(permit, owner, mayRepeat ? Number.POSITIVE_INFINITY : FRESH_MS) : null;
  if (reused !== null) {
    sending.onConnection({ dialed: reused.address });
    const end = await over(arrivals, reused, sending);
    if (end.kind !== 'failed') return null;
    if (!mayRepeat || !end.isUnanswered) return end.error;
    if (end.error.reason === 'upstream-timeout') pool.traits.noteSlow(originOf(permit));
  }
  const fresh = pool.adopt(permit, await open(arrivals, sending));
  const end = await over(arrivals, fresh, sending);
  return end.kind === 'failed' ? end.error : null;
}

async function over(
  arrivals: Arrivals,
  connection: UpstreamConnection,
  sending: UpstreamRequest,
): Promise<ExchangeEnd> {
  const { crossed } = sending;
  const { up, down } = connection.crossed;
  const end = await exchange(connection, sending, limitsWith(arrivals, sending, connection));
  crossed.up += connection.crossed.up - up;
  crossed.down += connection.crossed.down - down;
  settle(sending, connection, end);
  return end;
}

function limitsWith(
  arrivals: Arrivals,
  { permit, pool, request }: UpstreamRequest,
  connection: UpstreamConnection,
): TimeLimits {
  const { idleTimeoutMs: idleMs, headerTimeoutMs: headMs } = arrivals.settings().limits;
  const isSuspect = connection.isUsed && isSafe(request) && !pool.traits.isSlow(originOf(permit));
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
    pool.traits.noteVersion(originOf(permit), end.minor);
    connection.isBound ||= bindsConnection(request.fields, end.fields);
  }
  if (end.kind === 'answered' && end.isReusable) pool.keep(connection, owner, patienceMs(end.fields));
  else connection.close();
}

/** A new connection, with TLS where the scheme says so. */
async function open(arrivals: Arrivals, sending: UpstreamRequest): Promise<Dialed> {
  const { permit, signal } = sending;
  const dialed = await dial(arrivals.gate, permit, signal);
  sending.onConnection({ connectMs: dialed.ms, ...(dialed.ok && { dialed: dialed.address }) });
  if (!dialed.ok) throw dialed.error;
  if (permit.target.scheme !== 'https') return dialed;
  const timeoutMs = arrivals.settings().limits.connectTimeoutMs;
  return { ...dialed, socket: await secure(dialed.socket, permit.target, { signal, timeoutMs }) };
}

/** RFC 9110 section 10.1.1: an origin that is known to speak HTTP/1.0 only will never send 100, so the proxy does. */
function answerVainExpectation({ request, permit, pool, writer }: UpstreamRequest): void {
  if (!request.expectsContinue || !pool.traits.isOld(originOf(permit))) return;
  writer.interim({ status: 100, phrase: 'Continue', fields: [] });
  request.expectsContinue = false;
}

/** RFC 9110 section 9.2.1: what an origin that is only slow may well get twice. The second DELETE would be answered 404. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const IDEMPOTENT: ReadonlySet<string> = new Set([...SAFE, 'PUT', 'DELETE']);

function isSafe(request: ExchangeRequest): boolean {
  return isRepeatable(request) && SAFE.has(request.method);
}

function isRepeatable({ method, content, upgrade }: ExchangeRequest): boolean {
  return content === null && upgrade === null && IDEMPOTENT.has(method);
}

/** RFC 4559 and NTLM: the user is that of the connection from here on, not of the request. */
function bindsConnection(request: readonly string[], response: readonly string[]): boolean {
  const isBinding = (value: string): boolean => /(?:^|,)[ \t]*(?:ntlm|negotiate|kerberos)\b/i.test(value);
  return values(request, 'authorization').some(isBinding) || values(response, 'www-authenticate').some(isBinding);
}

/** What a server says in `Keep-Alive: timeout=5`, or null. */
function patienceMs(fields: readonly string[]): number | null {
  for (const parameter of members(fields, 'keep-alive')) {
    const seconds = /^timeout=(\d{1,6})$/.exec(parameter)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  return null;
}

function originOf({ target }: Permit): string {
  return authorityText(target);
}
