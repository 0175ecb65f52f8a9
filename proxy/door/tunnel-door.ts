/**
 * What all doors that hear where a client wants to go and then relay bytes have in common: SOCKS, TLS, a fixed relay.
 * A door is one object; counting, the deadline of the handshake, the record, half-close and drain are here. DECISIONS 6.
 */
import net, { type Socket } from 'node:net';
import type { Policy } from '../core/policy.js';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import { Deadline, type Deadlines } from '../net/deadlines.js';
import { DROPPED, send } from '../net/direct-io.js';
import type { Screen } from '../net/first-bytes.js';
import { hearOctets, type OctetReader } from '../net/octet-reader.js';
import { PlainSide, type Side } from '../net/side.js';
import type { Door } from '../observe/record.js';
import type { Arrival, Arrivals } from './arrivals.js';
import type { Credentials } from './clients.js';
import { closeAfter } from './closing.js';
import { type Connected, Opening, type OpeningOwner, refusalOf } from './connect-upstream.js';
import type { ConnectionLimits, CountedConnection } from './connection-limits.js';
import { EarlyData } from './early-data.js';
import { EMPTY_TRACE, type Flow, type Trace, traceOf } from './flow.js';
import { type Soon, soon } from './soon.js';

export interface TunnelDoor {
  /** As in records. */
  readonly name: Door;
  /** Replaces the policy in force. */
  readonly policy?: Policy;
  /** Hears where the client wants to go. Fails with an EgressError; its caller ends what takes too long. */
  hear(client: Hearing): Soon<Heard>;
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
  arrive(credentials: Credentials): Soon<Arrival>;
}

export type Heard =
  /** `replay`: bytes already read that belong to the destination. */
  | { readonly ok: true; readonly target: Target; readonly replay?: Buffer }
  | { readonly ok: false; readonly reason: Reason };

/** Not listening yet. Each connection is one flow with a record of its own, once it has said anything. */
export function createTunnelDoor(arrivals: Arrivals, connectionLimits: ConnectionLimits, door: TunnelDoor): net.Server {
  const owner = ownerOf(door);
  return net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    const counted = connectionLimits.enter(socket);
    const visit = new Visit(arrivals, door, owner, new PlainSide(socket, counted));
    arrivals.running.track(socket, visit.run(counted));
  });
}

/** One connection to a tunnel door. */
class Visit {
  readonly #arrivals: Arrivals;
  readonly #door: TunnelDoor;
  readonly #owner: OpeningOwner;
  readonly #client: Side;
  readonly #socket: Socket;
  /** Null until the client is known. */
  #flow: Flow | null = null;
  #trace: Trace = EMPTY_TRACE;

  constructor(arrivals: Arrivals, door: TunnelDoor, owner: OpeningOwner, client: Side) {
    this.#arrivals = arrivals;
    this.#door = door;
    this.#owner = owner;
    this.#client = client;
    this.#socket = client.socket;
  }

  /**
   * Until the client is refused, gone, or on its way to its destination. One that has said nothing has no record. Rejects for
   * defects only, and leaves the socket open in no other case.
   */
  run(counted: CountedConnection): Promise<void> {
    const { deadlines, reads, inForce } = this.#arrivals;
    const octets = hearOctets(this.#client, reads);
    // One for the whole handshake, so that a slow client cannot extend it message by message. By its end the client is known.
    const late = new Deadline(deadlines, octets);
    late.set(inForce.settings.limits.headerTimeoutMs);
    const open = (said: Heard, flow: Flow): void => {
      late.clear();
      this.#open(said, { flow, rest: octets.release(), counted });
    };
    return this.#hear(octets)
      .then((said) => soon(this.#known(), (flow) => open(said, flow)))
      .catch((error: unknown) => {
        late.clear();
        return this.#fail(error);
      });
  }

  /** What the door hears, whether it had to wait for it or not. */
  #hear(octets: OctetReader): Promise<Heard> {
    try {
      const said = this.#door.hear({
        octets,
        knowsTokens: this.#arrivals.inForce.settings.clients.some(({ token }) => token !== null),
        write: (bytes) => void send(this.#socket, bytes),
        arrive: (credentials) => this.#arrive(credentials),
      });
      return Promise.resolve(said);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #open(said: Heard, { flow, rest, counted }: Known): void {
    const arrivals = this.#arrivals;
    counted.heard();
    if (!said.ok) {
      this.#turnAway(flow, refusal(said.reason));
      return;
    }
    const { target, replay } = said;
    this.#trace = traceOf(target);
    const fault = arrivals.running.turnsAway(!counted.isAdmitted);
    if (fault !== null) {
      this.#turnAway(flow, refusal(fault));
      return;
    }
    const early = new EarlyData(arrivals, this.#socket, replay === undefined ? rest : Buffer.concat([replay, rest]));
    early.start(null);
    new Opening(arrivals, flow, target, { client: this.#client, early, owner: this.#owner }).start();
  }

  #fail(error: unknown): Soon<void> {
    if (this.#socket.bytesRead === 0) this.#socket.destroy();
    else return soon(this.#known(), (flow) => this.#turnAway(flow, refusalOf(this.#arrivals, error)));
  }

  #arrive(credentials: Credentials | null): Soon<Arrival> {
    const { name, policy } = this.#door;
    const asked = { method: null, credentials, ...(policy === undefined ? {} : { policy }) };
    return soon(this.#arrivals.arrive(name, this.#socket, asked), (arrival) => {
      this.#flow = arrival.flow;
      return arrival;
    });
  }

  /** The flow, identified by whatever is known by now. */
  #known(): Soon<Flow> {
    return this.#flow ?? soon(this.#arrive(null), ({ flow }) => flow);
  }

  /** Whoever has said nothing gets no answer, and leaves no record. */
  #turnAway(flow: Flow, refused: Refusal): void {
    const [client, trace] = [this.#client, this.#trace];
    if (this.#socket.bytesRead === 0) this.#socket.destroy();
    else refuse(this.#arrivals, this.#door, { client, flow, trace, refused });
  }
}

/** A client that has been heard. */
interface Known {
  readonly flow: Flow;
  /** What it has sent that was not taken. */
  readonly rest: Buffer;
  readonly counted: CountedConnection;
}

interface Refused {
  readonly client: Side;
  readonly flow: Flow;
  readonly trace: Trace;
  readonly refused: Refusal;
}

function refuse(arrivals: Arrivals, door: TunnelDoor, { client, flow, trace, refused }: Refused): void {
  flow.refused(trace, null, refused);
  arrivals.reads.readInto(client.socket, DROPPED);
  closeAfter(arrivals.deadlines, client, door.refused(refused.reason));
}

function ownerOf(door: TunnelDoor): OpeningOwner {
  return {
    policy: door.policy,
    onOpen({ arrivals, flow, client }, upstream) {
      if (door.granted !== null) send(client.socket, door.granted);
      const screen = door.screens?.(arrivals.deadlines, flow, upstream) ?? null;
      const { socket, permit, standing, trace, wouldDeny, head } = upstream;
      if (door.screens === undefined) flow.allowed(trace, null, permit.rule, wouldDeny);
      arrivals.tunnel(flow, { client, upstream: socket, head, screen, standing });
    },
    onRefused({ arrivals, flow, client }, trace, refused) {
      refuse(arrivals, door, { client, flow, trace, refused });
    },
  };
}
