/** The CONNECT door (RFC 9110 section 9.3.6). */
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import { type Parsed, parseAuthority, type Target } from '../core/target.js';
import type { Arrival, Arrivals } from '../door/arrivals.js';
import { Loss, turnedAway } from '../door/closing.js';
import { type Connected, connectUpstream, standingOf } from '../door/connect-upstream.js';
import type { EarlyData } from '../door/early-data.js';
import { EMPTY_TRACE, type Trace, traceOf } from '../door/flow.js';
import { handOver } from '../door/hand-over.js';
import { type Soon, soon } from '../door/soon.js';
import { send } from '../net/direct-io.js';
import type { Side } from '../net/side.js';
import { screenTunnel } from '../tls/tunnel-screen.js';
import { endSocket } from './refusal.js';
import { credentialsOf, hasContent, headFault, hostFault, type RequestHead } from './request-head.js';

const ESTABLISHED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n', 'latin1');

/**
 * One CONNECT, from its head to its open tunnel. `early`: bytes that come after the head; they leave only once the
 * tunnel is open. `busy`: the connection is over a limit. A refusal that needs no waiting is over at once. Never leaves
 * `client` open; throws and rejects for defects only.
 */
export function connect(arrivals: Arrivals, request: RequestHead, client: Side, options: ConnectOptions): Soon<void> {
  const gone = new Loss(client);
  const asked = { method: 'CONNECT', credentials: credentialsOf(request) };
  const { early, busy } = options;
  const opening = soon(arrivals.arrive('connect', client.socket, asked), (arrival) =>
    open(arrivals, request, { client, gone, arrival, early, busy }),
  );
  if (opening instanceof Promise) early.start();
  return opening;
}

interface ConnectOptions {
  readonly early: EarlyData;
  readonly busy: boolean;
}

interface Arrived extends ConnectOptions {
  readonly client: Side;
  readonly gone: Loss;
  readonly arrival: Arrival;
}

function open(arrivals: Arrivals, request: RequestHead, arrived: Arrived): Soon<void> {
  const { client, gone, early, arrival } = arrived;
  const { flow } = arrival;
  const target = parseAuthority(request.url ?? '');
  const end = (trace: Trace, refused: Refusal): void => {
    early.drop();
    endSocket(arrivals.deadlines, client, { flow, trace, refusal: refused });
  };
  const reason = faultOf(arrivals, request, target, arrived);
  if (!target.ok) return end(EMPTY_TRACE, refusal(reason ?? target.reason));
  if (reason !== null) return end(traceOf(target.value), refusal(reason));
  return soon(connectUpstream(arrivals, flow, target.value, { gone, early }), (upstream) => {
    if (!upstream.open) return end(upstream.trace, upstream.refusal);
    return handOver(upstream.socket, () => relay(arrivals, arrived, upstream));
  });
}

function relay(arrivals: Arrivals, { client, early, arrival: { flow } }: Arrived, upstream: Connected): void {
  send(client.socket, ESTABLISHED);
  const head = early.all();
  const screen = screenTunnel(arrivals.deadlines, flow, upstream, 200);
  const standing = standingOf(upstream, null);
  arrivals.tunnel(flow, { client, upstream: upstream.socket, head, screen, standing });
}

/** What is wrong with the request apart from its target, whatever the policy says of that; null: nothing. */
function faultOf(arrivals: Arrivals, request: RequestHead, target: Parsed<Target>, arrived: Arrived): Reason | null {
  const { client, arrival, busy } = arrived;
  const fault = turnedAway(arrivals, busy) ?? headFault(request, target.ok ? (request.url ?? null) : null);
  if (fault !== null) return fault;
  if (hasContent(request)) return 'malformed-request';
  if (!target.ok) return null;
  return hostFault(request, target.value, client.socket) ?? (arrival.isKnown ? null : 'client-unauthenticated');
}
