/** The CONNECT door (RFC 9110 section 9.3.6). */
import type { Reason } from '../core/reasons.js';
import { refusal } from '../core/refusal.js';
import { type Parsed, parseAuthority, type Target } from '../core/target.js';
import type { Arrival, Arrivals } from '../door/arrivals.js';
import { Opening, type OpeningOwner } from '../door/connect-upstream.js';
import { EarlyData } from '../door/early-data.js';
import { EMPTY_TRACE } from '../door/flow.js';
import { send } from '../net/direct-io.js';
import type { Side } from '../net/side.js';
import { screenTunnel } from '../tls/tunnel-screen.js';
import type { TakeOverOptions } from './connection-options.js';
import { endSocket } from './refusal.js';
import { credentialsOf, headFault, hostFault, type RequestHead } from './request-head.js';

const ESTABLISHED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n', 'latin1');

/**
 * One CONNECT, from its head to its open tunnel. What comes after the head leaves only once the tunnel is open. A refusal that
 * needs no waiting is over at once. Never leaves `client` open, unless it throws; throws for defects only.
 */
export function connect(arrivals: Arrivals, request: RequestHead, client: Side, options: TakeOverOptions): void {
  const { busy, rest } = options;
  const { socket } = client;
  const asked = { method: 'CONNECT', credentials: credentialsOf(request) };
  const arriving = arrivals.arrive('connect', socket, asked);
  const early = new EarlyData(arrivals, socket, rest);
  if (!(arriving instanceof Promise)) {
    open(arrivals, request, { client, early, busy, arrival: arriving });
    return;
  }
  early.start(null);
  arrivals.running.track(
    socket,
    arriving.then((arrival) => open(arrivals, request, { client, early, busy, arrival })),
  );
}

interface Arrived {
  readonly client: Side;
  readonly early: EarlyData;
  /** The connection is over a limit. */
  readonly busy: boolean;
  readonly arrival: Arrival;
}

function open(arrivals: Arrivals, request: RequestHead, arrived: Arrived): void {
  const { client, early, arrival } = arrived;
  const { flow } = arrival;
  const target = parseAuthority(request.url);
  const fault = faultOf(arrivals, request, target, arrived);
  if (target.ok && fault === null) {
    new Opening(arrivals, flow, target.value, { client, early, owner: CONNECT }).start();
    return;
  }
  early.drop();
  const trace = { ...EMPTY_TRACE, target: target.ok ? target.value : null };
  endSocket(arrivals.deadlines, client, { flow, trace, refusal: refusal(fault ?? 'malformed-target') });
}

const CONNECT: OpeningOwner = {
  onOpen({ arrivals, flow, client }, upstream) {
    send(client.socket, ESTABLISHED);
    const screen = screenTunnel(arrivals.deadlines, flow, upstream, 200);
    const { socket, head, standing } = upstream;
    arrivals.tunnel(flow, { client, upstream: socket, head, screen, standing });
  },
  onRefused({ arrivals, flow, client }, trace, refused) {
    endSocket(arrivals.deadlines, client, { flow, trace, refusal: refused });
  },
};

/** What is wrong with the request, before the policy is asked; null: nothing. */
function faultOf(arrivals: Arrivals, request: RequestHead, target: Parsed<Target>, arrived: Arrived): Reason | null {
  const { client, arrival, busy } = arrived;
  const fault = arrivals.running.turnsAway(busy) ?? headFault(request, target.ok ? request.url : null);
  if (fault !== null) return fault;
  if (request.noted.hasContent) return 'malformed-request';
  if (!target.ok) return target.reason;
  return hostFault(request, target.value, client.socket) ?? (arrival.isKnown ? null : 'client-unauthenticated');
}
