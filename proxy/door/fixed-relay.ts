/** Fixed TCP relays into the tools' network: a container on an internal network cannot publish a port of its own. */
import net from 'node:net';
import type { FixedRelay } from '../config/config.js';
import type { Address } from '../core/address.js';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Link } from '../net/interfaces.js';
import { report, type Side } from '../net/side.js';
import type { Arrivals } from './arrivals.js';
import { Opening, type OpeningOwner } from './connect-upstream.js';
import type { ConnectionLimits } from './connection-limits.js';
import { EMPTY_TRACE, type Flow, type Trace } from './flow.js';
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
    report(socket, counted);
    arrivals.running.trackRelay(socket, relayOne(options, counted, !counted.isAdmitted, fixed));
  });
}

/** Resolves once it is refused or open: `onOver` takes effect after the tunnel is counted. */
async function relayOne(options: FixedRelayOptions, client: Side, busy: boolean, fixed: FixedRelay): Promise<void> {
  const { arrivals } = options;
  const { to, policy } = fixed;
  const asked = { method: null, credentials: null, policy };
  const { flow } = await arrivals.arrive('relay', client.socket, asked);
  const turned = arrivals.running.takesRelays ? (busy ? 'busy' : null) : 'draining';
  const fault = turned ?? insideFault(options, client, options.doors);
  if (fault !== null) return refuse(client, flow, { ...EMPTY_TRACE, target: to }, refusal(fault));
  return new Promise((onOver) => {
    const owner = ownerOf(options, fixed, client, onOver);
    new Opening(arrivals, flow, to, { client, early: null, owner }).start();
  });
}

/** The client is judged before anything is asked or dialled, and again by the addresses. */
function insideFault({ links }: FixedRelayOptions, { socket }: Side, inner: readonly Address[]): Reason | null {
  const isInside = sharesLink(links(), inner, [socket.remoteAddress, socket.localAddress]);
  return isInside ? 'relay-from-inside' : null;
}

function ownerOf(options: FixedRelayOptions, { policy }: FixedRelay, client: Side, onOver: () => void): OpeningOwner {
  return {
    policy,
    inspect({ addresses }) {
      const fault = insideFault(options, client, addresses);
      return fault === null ? null : refusal(fault);
    },
    onOpen({ arrivals, flow }, { socket: upstream, permit, trace, head, standing }) {
      onOver();
      flow.allowed(trace, null, permit.rule, null);
      arrivals.tunnel(flow, { client, upstream, head, screen: null, standing });
    },
    onRefused({ flow }, trace, refused) {
      onOver();
      refuse(client, flow, trace, refused);
    },
  };
}

function refuse({ socket }: Side, flow: Flow, trace: Trace, refused: Refusal): void {
  flow.refused(trace, null, refused);
  socket.destroy();
}
