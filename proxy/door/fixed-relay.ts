/** Fixed TCP relays into the tools' network: what listens on an internal network cannot publish a port of its own. */
import net, { type Socket } from 'node:net';
import type { FixedRelay } from '../config/config.js';
import type { Address } from '../core/address.js';
import type { Permit } from '../core/policy.js';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Dialed } from '../net/dialer.js';
import type { Link } from '../net/interfaces.js';
import { admit, dial } from './admit.js';
import type { Arrivals } from './arrivals.js';
import { abortOnLoss } from './closing.js';
import { refusalOf } from './connect-upstream.js';
import type { ConnectionLimits } from './connection-limits.js';
import type { Flow } from './flow.js';
import { sharesLink } from './relay-clients.js';

export interface FixedRelayOptions {
  readonly arrivals: Arrivals;
  readonly connectionLimits: ConnectionLimits;
  readonly links: () => readonly Link[];
  /** The addresses of the doors for tools: see `boundAddresses`. */
  readonly doors: readonly Address[];
}

/**
 * Not listening yet. Each connection is one flow with a record of its own; a refused one is closed. Refused is every
 * client on the network into which it leads.
 */
export function createFixedRelay(options: FixedRelayOptions, fixed: FixedRelay): net.Server {
  const { arrivals, connectionLimits } = options;
  return net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    const busy = !connectionLimits.enter(socket);
    // Where it wants to go is known.
    connectionLimits.heard(socket);
    arrivals.running.trackRelay(socket, relayOne(options, socket, busy, fixed));
  });
}

async function relayOne(options: FixedRelayOptions, socket: Socket, busy: boolean, fixed: FixedRelay): Promise<void> {
  const { arrivals } = options;
  const { flow } = await arrivals.arrive('relay', socket, { method: null, credentials: null, policy: fixed.policy });
  flow.target = fixed.to;
  const fault = arrivals.running.takesRelays ? (busy ? 'busy' : null) : 'draining';
  const opened = fault === null ? await open(options, socket, flow, fixed) : closed(fault);
  if (!opened.open) {
    flow.refused(opened.refusal, null);
    socket.destroy();
    return;
  }
  const { dialed, permit } = opened;
  flow.allowed(null, permit.rule, null);
  await arrivals.tunnel(flow, { client: socket, upstream: dialed.socket, head: Buffer.alloc(0), screen: null });
}

type Opened =
  | { readonly open: true; readonly dialed: Dialed; readonly permit: Permit }
  | { readonly open: false; readonly refusal: Refusal };

/** Never rejects. The client is judged before anything is asked or dialled, and again by the addresses. */
async function open(options: FixedRelayOptions, socket: Socket, flow: Flow, { to }: FixedRelay): Promise<Opened> {
  const { arrivals, links, doors } = options;
  const isInside = (inner: readonly Address[]): boolean =>
    sharesLink(links(), inner, [socket.remoteAddress, socket.localAddress]);
  const gone = abortOnLoss(socket);
  try {
    if (isInside(doors)) return closed('relay-from-inside');
    const verdict = await admit(arrivals.gate, flow, to, gone.signal);
    if (verdict.outcome === 'deny') return { open: false, refusal: verdict };
    const { permit } = verdict;
    if (isInside(permit.addresses)) return closed('relay-from-inside');
    return { open: true, permit, dialed: await dial(arrivals.gate, flow, permit, gone.signal) };
  } catch (error) {
    return { open: false, refusal: refusalOf(arrivals, error) };
  } finally {
    gone.release();
  }
}

function closed(reason: Reason): Opened {
  return { open: false, refusal: refusal(reason) };
}
