/**
 * What all doors that hear where a client wants to go and then relay bytes have in common: SOCKS, TLS, a fixed relay.
 * A door is one object; counting, the deadline of the handshake, the record, half-close and drain are here. DECISIONS 6.
 */
import net, { type Socket } from 'node:net';
import type { Reason } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import { Deadline, type Due } from '../net/deadlines.js';
import { DROPPED, READ_BYTES, send, type Taker } from '../net/direct-io.js';
import { HeldBytes } from '../net/held-bytes.js';
import { type Heir, report } from '../net/side.js';
import type { Arrival, Arrivals } from './arrivals.js';
import { closeAfter } from './closing.js';
import { Opening, type OpeningOwner, refusalOf } from './connect-upstream.js';
import type { ConnectionLimits, CountedSide } from './connection-limits.js';
import { EarlyData } from './early-data.js';
import { EMPTY_TRACE, type Trace } from './flow.js';
import { type Hearing, MORE, refusedAs, type Said, type TunnelDoor } from './hearing.js';
import type { Work } from './running.js';

/** Not listening yet. Each connection is one flow with a record of its own, once it has said anything. */
export function createTunnelDoor(arrivals: Arrivals, connectionLimits: ConnectionLimits, door: TunnelDoor): net.Server {
  const owner = ownerOf(door);
  return net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => {
    new Visit(arrivals, door, owner, socket, connectionLimits.enter(socket));
  });
}

/** The most that is held of a client that waits to be identified before reading stops. */
const MOST_BYTES = READ_BYTES.small;
const NOTHING = Buffer.alloc(0);

/**
 * One connection to a tunnel door, until the client is refused, gone, or on its way to its destination. One that has said nothing
 * gets no answer, and leaves no record.
 */
class Visit implements Taker, Heir, Due, Work {
  readonly most = 'small';
  readonly socket: Socket;
  before: Work | null = null;
  behind: Work | null = null;
  readonly #arrivals: Arrivals;
  readonly #door: TunnelDoor;
  readonly #owner: OpeningOwner;
  readonly #client: CountedSide;
  /** One for the whole handshake, so that a slow client cannot extend it message by message. By its end the client is known. */
  readonly #late: Deadline;
  /** `waiting`: who asks is not known yet. */
  #state: 'hearing' | 'waiting' | 'over' = 'hearing';
  #hearing: Hearing | null = null;
  /** What has come and is not done with; null: nothing. */
  #held: HeldBytes | null = null;
  /** Why no more can be heard, if that has happened while it waited. */
  #fault: Reason | null = null;
  /** Null until the client is known. */
  #arrival: Arrival | null = null;
  #hasFailed = false;

  constructor(arrivals: Arrivals, door: TunnelDoor, owner: OpeningOwner, socket: Socket, counted: CountedSide) {
    this.#arrivals = arrivals;
    this.#door = door;
    this.#owner = owner;
    this.socket = socket;
    this.#client = counted;
    report(socket, counted);
    counted.inherit(this);
    this.#late = new Deadline(arrivals.deadlines, this);
    this.#late.set(arrivals.inForce.settings.limits.headerTimeoutMs);
    arrivals.running.ordinary.add(this);
    arrivals.reads.readInto(socket, this);
  }

  take(bytes: Buffer): boolean {
    let held = bytes;
    if (this.#held !== null || this.#state === 'waiting') {
      this.#held ??= new HeldBytes();
      this.#held.push(bytes);
      held = this.#held.all();
    }
    if (this.#state === 'hearing') this.#hear(held);
    return this.#state !== 'waiting' || (this.#held?.length ?? 0) < MOST_BYTES;
  }

  ended(): void {
    this.#stop(this.#door.unfinished);
  }

  closed(): void {
    this.#stop('client-closed');
  }

  onLate(): void {
    this.#stop('handshake-timeout');
  }

  #hear(held: Buffer): void {
    try {
      this.#hearing ??= this.#door.hearing(this.#arrivals.inForce);
      let rest = held;
      while (rest.length > 0) {
        const heard = this.#hearing.hear(rest);
        if (heard.answer !== undefined) send(this.socket, heard.answer);
        rest = rest.subarray(heard.taken);
        if (heard.kind === 'target' || heard.kind === 'refused') this.#client.heard();
        if (heard.kind !== 'more') {
          this.#follow(heard, rest);
          return;
        }
        if (heard.taken === 0) break;
      }
      this.#keep(rest);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Copies what is not done with, unless it is held already. */
  #keep(rest: Buffer): void {
    if (rest.length === (this.#held?.length ?? 0)) return;
    this.#held = rest.length === 0 ? null : new HeldBytes();
    this.#held?.push(rest);
  }

  /** No more can be heard. While it waits, the end of its time counts before anything else. */
  #stop(reason: Reason): void {
    if (this.#state === 'waiting' && this.#fault !== 'handshake-timeout') this.#fault = reason;
    if (this.#state !== 'hearing') return;
    try {
      this.#turnAway(reason);
    } catch (error) {
      this.#fail(error);
    }
  }

  #turnAway(reason: Reason): void {
    if (this.socket.bytesRead > 0) this.#follow(refusedAs(reason), NOTHING);
    else this.#drop();
  }

  /** Asks who the client is, unless that is known, and goes on from there. */
  #follow(heard: Said, rest: Buffer): void {
    const credentials = heard.kind === 'credentials' ? heard.credentials : null;
    const known = credentials === null ? this.#arrival : null;
    const arriving = known ?? this.#arrivals.arrive(this.#door.name, this.socket, { method: null, credentials });
    if (arriving instanceof Promise) this.#wait(arriving, heard, rest);
    else this.#arrived(arriving, heard, rest);
  }

  #wait(arriving: Promise<Arrival>, heard: Said, rest: Buffer): void {
    this.#state = 'waiting';
    this.#keep(rest);
    arriving
      .then((arrival) => {
        this.#state = 'hearing';
        this.#arrived(arrival, heard, this.#held?.all() ?? NOTHING);
        if (this.#state === 'hearing') this.socket.resume();
      })
      .catch((error: unknown) => this.#fail(error));
  }

  /** Ends the visit, unless it has only said who asks. */
  #arrived(arrival: Arrival, heard: Said, rest: Buffer): void {
    this.#arrival = arrival;
    if (heard.kind === 'credentials') {
      this.#identified(arrival.isKnown, rest);
      return;
    }
    const [arrivals, client, flow] = [this.#arrivals, this.#client, arrival.flow];
    this.#state = 'over';
    this.#late.clear();
    const target = heard.kind === 'target' ? heard.target : null;
    const fault = heard.kind === 'refused' ? heard.reason : arrivals.running.turnsAway(!client.isAdmitted);
    if (fault !== null) {
      refuse(this.#door, { arrivals, client, flow }, { ...EMPTY_TRACE, target }, refusal(fault));
    } else if (target !== null) {
      const early = new EarlyData(arrivals, this.socket, rest);
      new Opening(arrivals, flow, target, { client, early, owner: this.#owner }).start();
    }
    arrivals.running.ordinary.leave(this);
  }

  /** Hears on, beginning with what has come meanwhile. */
  #identified(isKnown: boolean, rest: Buffer): void {
    const heard = this.#hearing?.identified?.(isKnown) ?? MORE;
    if (heard.answer !== undefined) send(this.socket, heard.answer);
    if (heard.kind === 'refused') this.#client.heard();
    if (heard.kind === 'refused') this.#turnAway(heard.reason);
    else if (this.#fault !== 'handshake-timeout') this.#hear(rest);
    if (this.#fault !== null) this.#stop(this.#fault);
  }

  /** A defect costs its own client the connection, and nobody else. It is told so, unless that fails as well. */
  #fail(error: unknown): void {
    if (this.#hasFailed) {
      this.#arrivals.onDefect(error);
      this.#drop();
      return;
    }
    this.#hasFailed = true;
    try {
      this.#turnAway(refusalOf(this.#arrivals, error).reason);
    } catch (again) {
      this.#fail(again);
    }
  }

  #drop(): void {
    this.#state = 'over';
    this.#late.clear();
    this.socket.destroy();
    this.#arrivals.running.ordinary.leave(this);
  }
}

type Asking = Pick<Opening, 'arrivals' | 'client' | 'flow'>;

function refuse(door: TunnelDoor, { arrivals, client, flow }: Asking, trace: Trace, refused: Refusal): void {
  flow.refused(trace, null, refused);
  arrivals.reads.readInto(client.socket, DROPPED);
  closeAfter(arrivals.deadlines, client, door.refused(refused.reason));
}

function ownerOf(door: TunnelDoor): OpeningOwner {
  return {
    onOpen({ arrivals, flow, client }, upstream) {
      if (door.granted !== null) send(client.socket, door.granted);
      const screen = door.screens?.(arrivals.deadlines, flow, upstream, null) ?? null;
      const { socket, permit, standing, trace, wouldDeny, head } = upstream;
      if (door.screens === undefined) flow.allowed(trace, null, permit.rule, wouldDeny);
      arrivals.tunnel(flow, { client, upstream: socket, head, screen, standing });
    },
    onRefused(opening, trace, refused) {
      refuse(door, opening, trace, refused);
    },
  };
}
