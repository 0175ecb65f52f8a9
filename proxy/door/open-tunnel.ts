/** A tunnel from its opening to its close record: the drain, the policy and the budget all see this one object. */
import type { Socket } from 'node:net';
import type { LimitsInForce } from '../config/config.js';
import type { Denial } from '../core/policy.js';
import type { Deadlines } from '../net/deadlines.js';
import type { DirectReads } from '../net/direct-io.js';
import type { Screen } from '../net/first-bytes.js';
import type { Claim, MemoryBudget } from '../net/memory-budget.js';
import { Relay, type RelayResult } from '../net/relay.js';
import type { Side } from '../net/side.js';
import { EMPTY_TRACE, type Flow } from './flow.js';
import type { Running, UnderWay, Watched } from './running.js';
import type { Standing } from './standings.js';

/** What all tunnels have in common. */
export interface TunnelRoom {
  readonly inForce: LimitsInForce<'idleTimeoutMs' | 'headerTimeoutMs'>;
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
  readonly memory: MemoryBudget;
  readonly running: Running;
  objection(flow: Flow, standing: Standing): Denial | null;
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

export class OpenTunnel extends Relay implements Watched {
  readonly flow: Flow;
  readonly standing: Standing;
  seen: number;
  since = performance.now();
  isOver = false;
  before: Watched | null = null;
  behind: Watched | null = null;
  readonly #room: TunnelRoom;
  /** Null: it is over before it was counted. */
  #among: UnderWay | null = null;

  /** Relays at once. Takes both sockets over; keeps neither the head nor the screen: thousands of silent tunnels would hold them. */
  constructor(room: TunnelRoom, flow: Flow, { client, upstream, head, screen, standing }: TunnelEnds) {
    const { idleTimeoutMs, headerTimeoutMs: screenTimeoutMs } = room.inForce.settings.limits;
    super(client, upstream, { idleTimeoutMs, screenTimeoutMs, reads: room.reads, deadlines: room.deadlines, screen });
    this.#room = room;
    this.flow = flow;
    this.standing = standing;
    this.start(head);
    this.seen = this.upward.carried + this.downward.carried;
    if (this.isOver) return;
    this.#among = room.running.opened(this, flow.door);
    // The policy may have changed since the request came.
    const denial = room.objection(flow, standing);
    if (denial !== null) this.cut(denial);
  }

  claim(share: 'relays' | 'early'): Claim {
    return this.#room.memory.claim(share, this.flow.client.address, () => this.abort('busy'));
  }

  /** The policy no longer allows it. */
  cut(denial: Denial): void {
    this.isOver = true;
    try {
      this.flow.refused({ ...EMPTY_TRACE, target: this.standing.permit.target }, null, denial);
    } catch (error) {
      // It must not stay open for this, nor the next one that is judged.
      this.#room.onDefect(error);
    }
    this.abort('policy');
  }

  ended(result: RelayResult): void {
    this.isOver = true;
    try {
      this.flow.closed(result);
    } catch (error) {
      this.#room.onDefect(error);
    }
    this.#among?.closed(this);
  }
}
