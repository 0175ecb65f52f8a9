/** A tunnel from its opening to its close record: the drain, the policy and the budget all see this one object. */
import type { Socket } from 'node:net';
import type { LimitsInForce } from '../config/config.js';
import type { Denial } from '../core/policy.js';
import type { Deadlines } from '../net/deadlines.js';
import type { DirectReads } from '../net/direct-io.js';
import type { Screen } from '../net/first-bytes.js';
import type { Claim, MemoryBudget } from '../net/memory-budget.js';
import { type Relay, type RelayOwner, type RelayResult, relay } from '../net/relay.js';
import type { Side } from '../net/side.js';
import { EMPTY_TRACE, type Flow } from './flow.js';
import type { Running, Watched } from './running.js';
import type { Judged, Standing, Standings } from './standings.js';

/** What all tunnels have in common. */
export interface TunnelRoom {
  readonly inForce: LimitsInForce<'idleTimeoutMs' | 'headerTimeoutMs'>;
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
  readonly memory: MemoryBudget;
  readonly running: Running;
  readonly standings: Standings;
  readonly onDefect: (error: unknown) => void;
}

export interface TunnelEnds {
  readonly client: Side;
  readonly upstream: Socket;
  /** What the client sent with the request that opened the tunnel. */
  readonly head: Buffer;
  /** Judges the first bytes of the tunnel; null: they pass without a look. */
  readonly screen: Screen | null;
  readonly standing: Standing;
}

export class OpenTunnel implements Watched, Judged, RelayOwner {
  readonly flow: Flow;
  readonly standing: Standing;
  readonly relay: Relay;
  bytes: number;
  since = performance.now();
  place = -1;
  readonly #room: TunnelRoom;
  #judgedPlace = -1;
  #isOver = false;

  /** Relays at once. Takes both sockets over; keeps neither the head nor the screen: thousands of silent tunnels would hold them. */
  constructor(room: TunnelRoom, flow: Flow, { client, upstream, head, screen, standing }: TunnelEnds) {
    const { idleTimeoutMs, headerTimeoutMs: screenTimeoutMs } = room.inForce.settings.limits;
    const { reads, deadlines } = room;
    this.#room = room;
    this.flow = flow;
    this.standing = standing;
    const options = { idleTimeoutMs, screenTimeoutMs, reads, deadlines, owner: this, head, screen };
    this.relay = relay(client, upstream, options);
    this.bytes = this.relay.bytes();
    if (this.#isOver) return;
    room.running.opened(this, flow.door);
    this.#judgedPlace = room.standings.enter(this);
  }

  claim(share: 'relays' | 'early', refuse: () => void): Claim {
    return this.#room.memory.claim(share, this.flow.client.address, refuse);
  }

  /** The policy no longer allows it. */
  cut(denial: Denial): void {
    try {
      this.flow.refused({ ...EMPTY_TRACE, target: this.standing.permit.target }, null, denial);
    } catch (error) {
      // It must not stay open for this, nor the next one that is judged.
      this.#room.onDefect(error);
    }
    this.relay.cut('policy');
  }

  ended(result: RelayResult): void {
    this.#isOver = true;
    this.#room.standings.leave(this.#judgedPlace, this);
    try {
      this.flow.closed(result);
    } catch (error) {
      this.#room.onDefect(error);
    }
    this.#room.running.left(this, this.flow.door);
  }
}
