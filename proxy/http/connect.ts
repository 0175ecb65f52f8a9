/** The CONNECT door (RFC 9110 section 9.3.6). */
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import { parseAuthority } from '../core/target.js';
import type { Arrivals } from '../door/arrivals.js';
import { Loss, turnedAway } from '../door/closing.js';
import { type Connected, connectUpstream, standingOf } from '../door/connect-upstream.js';
import type { EarlyData } from '../door/early-data.js';
import { EMPTY_TRACE, type Flow, type Trace, traceOf } from '../door/flow.js';
import { send } from '../net/direct-io.js';
import type { Side } from '../net/side.js';
import { screenTunnel } from '../tls/tunnel-screen.js';
import { endSocket } from './refusal.js';
import { credentialsOf, hasContent, headFault, hostFault, type RequestHead } from './request-head.js';

const ESTABLISHED = Buffer.from('HTTP/1.1 200 Connection established\r\n\r\n', 'latin1');

/**
 * One CONNECT, from its head to the end of its tunnel. `early`: bytes that come after it; they leave only once the
 * tunnel stands. `busy`: the connection is over a limit. Never rejects, and never leaves `client` open.
 */
export function connect(
  arrivals: Arrivals,
  request: RequestHead,
  client: Side,
  options: ConnectOptions,
): Promise<void> {
  // Not one function: while it waits for the tunnel's end it would hold the request's head.
  return open(arrivals, request, client, options).then((opened) =>
    opened === null ? undefined : relayOpened(arrivals, client, opened),
  );
}

interface ConnectOptions {
  readonly early: EarlyData;
  readonly busy: boolean;
}

interface Opened {
  readonly flow: Flow;
  readonly upstream: Connected;
  readonly head: Buffer;
}

function relayOpened(arrivals: Arrivals, client: Side, { flow, upstream, head }: Opened): Promise<void> {
  const screen = screenTunnel(arrivals.deadlines, flow, upstream, 200);
  const standing = standingOf(upstream, null);
  return arrivals.tunnel(flow, { client, upstream: upstream.socket, head, screen, standing });
}

/** Null where the request was refused. */
async function open(
  arrivals: Arrivals,
  request: RequestHead,
  client: Side,
  { early, busy }: ConnectOptions,
): Promise<Opened | null> {
  const { socket } = client;
  const gone = new Loss(client);
  const arriving = arrivals.arrive('connect', socket, { method: 'CONNECT', credentials: credentialsOf(request) });
  const { flow, isKnown } = arriving instanceof Promise ? await arriving : arriving;
  const target = parseAuthority(request.url ?? '');
  const end = (trace: Trace, refused: Refusal): null => {
    early.drop();
    endSocket(arrivals.deadlines, socket, { flow, trace, refusal: refused });
    return null;
  };
  const trace = target.ok ? traceOf(target.value) : EMPTY_TRACE;
  const refuse = (reason: Reason): null => end(trace, refusal(reason));
  const fault = turnedAway(arrivals, busy) ?? headFault(request) ?? (hasContent(request) ? 'malformed-request' : null);
  if (fault !== null) return refuse(fault);
  if (!target.ok) return refuse(target.reason);
  const mismatch = hostFault(request, target.value, socket);
  if (mismatch !== null) return refuse(mismatch);
  if (!isKnown) return refuse('client-unauthenticated');

  const upstream = await connectUpstream(arrivals, flow, target.value, { gone, early });
  if (!upstream.open) return end(upstream.trace, upstream.refusal);
  send(socket, ESTABLISHED);
  return { flow, upstream, head: early.take() };
}
