/** Fixed TCP relays into the tools' network: a container on an internal network cannot publish a port of its own. */
import net from 'node:net';
import type { FixedRelay } from '../config/config.js';
import type { Address } from '../core/address.js';
import type { Permit } from '../core/policy.js';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import type { Link } from '../net/interfaces.js';
import { PlainSide, type Side } from '../net/side.js';
import type { Arrivals } from './arrivals.js';
import { Loss } from './closing.js';
import { connectUpstream, standingOf, type UpstreamResult } from './connect-upstream.js';
import type { ConnectionLimits } from './connection-limits.js';
import { EMPTY_TRACE, type Flow } from './flow.js';
import { handOver } from './hand-over.js';
import { sharesLink } from './relay-clients.js';

export interface FixedRelayOptions {
  readonly arrivals: Arrivals;
  readonly connectionLimits: ConnectionLimits;
  readonly links: () => readonly Link[];
  /** The addresses of the doors for tools: see `boundAddresses`. */
  readonly doors: readonly Address[];
}

/**
 * Not listening yet. Each connection is one flow with a record of its own; a refused one is closed. Every client on
 * the network into which the relay leads is refused.
 */
export function createFixedRelay(options: FixedRelayOptions, fixed: FixedRelay): net.Server {
  const { arrivals, connectionLimits } = options;
  return net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    const counted = connectionLimits.enter(socket);
    // Nothing to wait for: the destination is fixed.
    counted.heard();
    arrivals.running.trackRelay(socket, relayOne(options, new PlainSide(socket), !counted.isAdmitted, fixed));
  });
}

async function relayOne(options: FixedRelayOptions, side: Side, busy: boolean, fixed: FixedRelay): Promise<void> {
  const { arrivals } = options;
  const client = side.socket;
  const { flow } = await arrivals.arrive('relay', client, { method: null, credentials: null, policy: fixed.policy });
  const fault = arrivals.running.takesRelays ? (busy ? 'busy' : null) : 'draining';
  const opened = fault === null ? await open(options, side, flow, fixed) : closed(fault, fixed.to);
  if (!opened.open) {
    flow.refused(opened.trace, null, opened.refusal);
    client.destroy();
    return;
  }
  handOver(opened.socket, () => {
    flow.allowed(opened.trace, null, opened.permit.rule, null);
    const rest = { head: Buffer.alloc(0), screen: null, standing: standingOf(opened, fixed.policy) };
    arrivals.tunnel(flow, { client: side, upstream: opened.socket, ...rest });
  });
}

/** The client is judged before anything is asked or dialled, and again by the addresses. Never rejects. */
async function open(
  { arrivals, links, doors }: FixedRelayOptions,
  client: Side,
  flow: Flow,
  { to, policy }: FixedRelay,
): Promise<UpstreamResult> {
  const refuseInside = (inner: readonly Address[]): Refusal | null =>
    sharesLink(links(), inner, [client.socket.remoteAddress, client.socket.localAddress])
      ? refusal('relay-from-inside')
      : null;
  if (refuseInside(doors) !== null) return closed('relay-from-inside', to);
  const inspect = (permit: Permit): Refusal | null => refuseInside(permit.addresses);
  return connectUpstream(arrivals, flow, to, { gone: new Loss(client), inspect, policy });
}

function closed(reason: Reason, target: Target): UpstreamResult {
  return { open: false, refusal: refusal(reason), trace: { ...EMPTY_TRACE, target } };
}
