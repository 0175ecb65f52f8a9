/**
 * What all doors that hear where a client wants to go and then relay bytes have in common: SOCKS, TLS, a fixed relay.
 * A door is one object; counting, the deadline of the handshake, the record, half-close and drain are here. DECISIONS 6.
 */
import net, { type Socket } from 'node:net';
import type { Policy } from '../core/policy.js';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import type { Abortable } from '../net/abort.js';
import type { Deadlines } from '../net/deadlines.js';
import type { Screen } from '../net/first-bytes.js';
import { handshakeDeadline } from '../net/handshake-deadline.js';
import { type OctetReader, readOctets } from '../net/octet-reader.js';
import { PlainSide, type Side } from '../net/side.js';
import type { Door } from '../observe/record.js';
import type { Arrival, Arrivals } from './arrivals.js';
import type { Credentials } from './clients.js';
import { closeAfter, Loss, turnedAway } from './closing.js';
import { type Connected, connectUpstream, refusalOf, standingOf } from './connect-upstream.js';
import type { ConnectionLimits, CountedConnection } from './connection-limits.js';
import { EMPTY_TRACE, type Flow, type Trace } from './flow.js';

export interface TunnelDoor {
  /** As in records. */
  readonly name: Door;
  /** Replaces the policy in force. */
  readonly policy?: Policy;
  /** Hears where the client wants to go. May throw an EgressError; its caller ends what takes too long. */
  hear(client: Hearing): Promise<Heard>;
  /** What tells the client that its tunnel is open; null: nothing does. */
  readonly granted: Buffer | null;
  /** What tells it that it gets no tunnel. */
  refused(reason: Reason): Buffer;
  /** Writes the record of an allowed request, perhaps only after the first bytes; without a screen, that happens at once. */
  screens?(deadlines: Deadlines, flow: Flow, upstream: Connected): Screen | null;
}

/** A client that has not said where it wants to go. */
export interface Hearing {
  readonly octets: Pick<OctetReader, 'take' | 'takeSome'>;
  /** True if some client has a token that can be asked for. */
  readonly knowsTokens: boolean;
  write(bytes: Buffer): void;
  /** Called at most once; if not called, the client has no credentials. */
  arrive(credentials: Credentials): Promise<Arrival>;
}

export type Heard =
  /** `replay`: bytes already read that belong to the destination. */
  | { readonly ok: true; readonly target: Target; readonly replay?: Buffer }
  | { readonly ok: false; readonly reason: Reason };

/** Not listening yet. Each connection is one flow with a record of its own, once it has said anything. */
export function createTunnelDoor(arrivals: Arrivals, connectionLimits: ConnectionLimits, door: TunnelDoor): net.Server {
  return net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    const counted = connectionLimits.enter(socket);
    const visit = new Visit(arrivals, door, new PlainSide(socket));
    arrivals.track(socket, visit.run(counted));
  });
}

/** One connection to a tunnel door. */
class Visit {
  readonly #arrivals: Arrivals;
  readonly #door: TunnelDoor;
  readonly #client: Side;
  readonly #socket: Socket;
  /** Null until the client is known. */
  #flow: Flow | null = null;

  constructor(arrivals: Arrivals, door: TunnelDoor, client: Side) {
    this.#arrivals = arrivals;
    this.#door = door;
    this.#client = client;
    this.#socket = client.socket;
  }

  /** Never rejects, and never leaves the socket open. */
  async run(counted: CountedConnection): Promise<void> {
    const gone = new Loss(this.#client);
    let trace = EMPTY_TRACE;
    try {
      const { said, flow, rest } = await this.#hear(gone);
      counted.heard();
      if (!said.ok) return this.#refuse(flow, trace, refusal(said.reason));
      trace = { ...trace, target: said.target };
      const fault = turnedAway(this.#arrivals, !counted.isAdmitted);
      if (fault !== null) return this.#refuse(flow, trace, refusal(fault));
      const early = this.#arrivals.keepEarlyData(this.#socket, rest);
      const { policy } = this.#door;
      const upstream = await connectUpstream(this.#arrivals, flow, said.target, { gone, early, policy });
      if (!upstream.open) {
        early.drop();
        return this.#refuse(flow, upstream.trace, upstream.refusal);
      }
      this.#relay(flow, upstream, early.take());
    } catch (error) {
      if (this.#socket.bytesRead === 0) this.#socket.destroy();
      else this.#refuse(await this.#known(), trace, refusalOf(this.#arrivals, error));
    }
  }

  /** The whole handshake under one deadline. By its end the client is known: what it sends meanwhile is kept. */
  async #hear(gone: Abortable): Promise<{ said: Heard; flow: Flow; rest: Buffer }> {
    const { limits, clients } = this.#arrivals.settings();
    const deadline = handshakeDeadline(gone, limits.headerTimeoutMs);
    const octets = readOctets(this.#socket, this.#arrivals.reads, deadline.signal);
    try {
      const said = await this.#door.hear({
        octets,
        knowsTokens: clients.some(({ token }) => token !== null),
        write: (bytes) => void this.#socket.write(bytes),
        arrive: (credentials) => this.#arrive(credentials),
      });
      const flow = await this.#known();
      const rest = octets.release();
      const replay = said.ok ? said.replay : undefined;
      return { said, flow, rest: replay === undefined ? rest : Buffer.concat([replay, rest]) };
    } finally {
      octets.release();
      deadline.release();
    }
  }

  async #arrive(credentials: Credentials | null): Promise<Arrival> {
    const { name, policy } = this.#door;
    const asked = { method: null, credentials, ...(policy === undefined ? {} : { policy }) };
    const arrival = await this.#arrivals.arrive(name, this.#socket, asked);
    this.#flow = arrival.flow;
    return arrival;
  }

  #relay(flow: Flow, upstream: Connected, head: Buffer): void {
    const { granted } = this.#door;
    if (granted !== null) this.#socket.write(granted);
    const standing = standingOf(upstream, this.#door.policy ?? null);
    const screen = this.#door.screens?.(this.#arrivals.deadlines, flow, upstream) ?? null;
    if (this.#door.screens === undefined) flow.allowed(upstream.trace, null, upstream.permit.rule, upstream.wouldDeny);
    this.#arrivals.tunnel(flow, { client: this.#client, upstream: upstream.socket, head, screen, standing });
  }

  /** The flow, identified by whatever is known by now. */
  async #known(): Promise<Flow> {
    return this.#flow ?? (await this.#arrive(null)).flow;
  }

  #refuse(flow: Flow, trace: Trace, refused: Refusal): void {
    flow.refused(trace, null, refused);
    this.#arrivals.reads.read(this.#socket, () => true);
    closeAfter(this.#arrivals.deadlines, this.#client, this.#door.refused(refused.reason));
  }
}
