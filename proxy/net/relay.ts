/** Moves bytes between two sockets until both directions have ended. */
import type { Socket } from 'node:net';
import type { CloseCause } from '../observe/record.js';
import { Deadline, type Deadlines, type Due } from './deadlines.js';
import { type DirectReads, type ReadSize, type Sender, send, type Taker } from './direct-io.js';
import type { Screen, Screened } from './first-bytes.js';
import type { Claim } from './memory-budget.js';
import { type Heir, report, type Side } from './side.js';

/**
 * After so many octets without a long stall a read may bring more than that: this is a real transfer, not a trap. The kernel takes
 * 4.1 MiB for a receiver that reads nothing (on loopback; 0.8 MiB with packets of 1,500 octets).
 */
export const FAST_AFTER = 6 * 2 ** 20;
/** A receiver that is behind for longer than this is slow. */
const STALL_MS = 500;

export interface RelayOptions {
  /** The tunnel is cut if nothing moves in either direction for this long, and nothing waits for a slow reader. */
  readonly idleTimeoutMs: number;
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
  /** Judges the first bytes from the client; null: they pass unchecked. */
  readonly screen: Screen | null;
  /** How long it may hold them, counted from the first one: later ones do not extend this. */
  readonly screenTimeoutMs: number;
}

export interface RelayResult {
  /** Bytes read from the client; `bytesDown`: from the upstream. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly cause: CloseCause;
}

/**
 * Takes over both sockets and never gives them back. An end in one direction is passed on and leaves the other one open
 * (half-close); an error on either side destroys both. A direction holds memory only if its reader is slower than its
 * writer: the rest of one read, until which is gone no more is read. Over the memory budget, the tunnel is cut.
 *
 * Keeps no screen that has judged, no closure and no promise, since thousands of tunnels may be silent for hours.
 */
export abstract class Relay implements Screened, Due {
  readonly upward: Direction;
  readonly downward: Direction;
  readonly reads: DirectReads;
  readonly screenTimeoutMs: number;
  /** Null without one, and once it has judged. */
  screen: Screen | null;
  readonly #idle: Deadline;
  readonly #idleTimeoutMs: number;
  #cause: CloseCause = 'end';
  #open = 2;

  /** Moves nothing before `start`. */
  constructor(client: Side, upstream: Socket, options: RelayOptions) {
    this.reads = options.reads;
    this.screen = options.screen;
    this.screenTimeoutMs = options.screenTimeoutMs;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#idle = new Deadline(options.deadlines, this);
    this.upward = new Direction(client.socket, upstream, this);
    this.downward = new Direction(upstream, client.socket, this);
    client.inherit(this.upward);
    report(upstream, this.downward);
  }

  /** `relays`: for what waits for slow readers; `early`: for the first bytes, until they are judged. A refusal is an `abort`. */
  abstract claim(share: 'relays' | 'early'): Claim;

  /** Both directions have ended. Called once, even before `start` returns if both sides were gone already. */
  abstract ended(result: RelayResult): void;

  /**
   * Once, and last: from now on it can end. `head`: what the client sent together with the request that opened the tunnel, to be
   * sent upstream first. Looks for a side that ended or was lost during the dial, too, since its events are not repeated.
   */
  start(head: Buffer): void {
    const { upward, downward } = this;
    this.#idle.set(this.#idleTimeoutMs);
    if (upward.from.destroyed) this.#wasLost(upward);
    if (downward.from.destroyed) this.#wasLost(downward);
    if (this.#open === 0) return;
    upward.carried = head.length;
    const first = head.length === 0 ? null : this.through(upward, head);
    if (first !== null) upward.to.write(first);
    if (upward.from.readableEnded) upward.ended();
    if (downward.from.readableEnded) downward.ended();
    this.reads.readInto(upward.from, upward);
    this.reads.readInto(downward.from, downward);
  }

  /** Cuts both directions now. */
  abort(cause: CloseCause): void {
    if (this.#cause === 'end') this.#cause = cause;
    this.upward.from.destroy();
    this.upward.to.destroy();
  }

  up(held: Buffer): void {
    this.upward.to.write(held);
  }

  claimEarly(): Claim {
    return this.claim('early');
  }

  judged(): void {
    this.screen = null;
  }

  refuse(farewell: Buffer): void {
    if (this.#cause === 'end' && this.#open > 0) this.#cause = 'refused';
    this.downward.to.end(farewell);
    this.downward.to.destroySoon();
    this.upward.to.destroy();
  }

  /** Is given every piece, and returns what is to be written now; null: nothing. */
  through(direction: Direction, bytes: Buffer): Buffer | null {
    this.#idle.set(this.#idleTimeoutMs);
    if (direction === this.upward) return this.screen === null ? bytes : this.screen.up(bytes, this);
    this.screen?.down(this);
    return direction.from.destroyed ? null : bytes;
  }

  /**
   * A side that closes without an end, also if without an error, takes the other one with it. Counted once: a socket says that
   * it is closed some time before its event, until which it keeps its listeners.
   */
  closed(direction: Direction, hadError: boolean): void {
    if (direction.isClosed) return;
    direction.isClosed = true;
    if (hadError) this.abort(direction === this.upward ? 'client-reset' : 'upstream-reset');
    if (!direction.from.readableEnded) direction.to.destroy();
    this.#open -= 1;
    if (this.#open > 0) return;
    const { upward, downward } = this;
    try {
      this.screen?.ended(this);
    } finally {
      // A defect of the screen must not keep the tunnel counted: the drain would wait for it.
      this.#idle.clear();
      upward.held?.hold(0);
      downward.held?.hold(0);
      this.ended({ bytesUp: upward.carried, bytesDown: downward.carried, cause: this.#cause });
    }
  }

  /** A tunnel with bytes that wait for a slow reader is not idle: it is charged to the memory budget instead. */
  onLate(): void {
    const waits = this.upward.to.writableLength > 0 || this.downward.to.writableLength > 0;
    if (waits) this.#idle.set(this.#idleTimeoutMs);
    else this.abort('idle');
  }

  #wasLost(direction: Direction): void {
    this.abort(direction === this.upward ? 'client-reset' : 'upstream-reset');
    if (direction.from.closed) this.closed(direction, false);
  }
}

/**
 * Reads `from` until it ends, and stops while `to` is behind. Reads are no more than `large`, which is all that is held for
 * a slow receiver, until the direction has proven fast, and again after each long stall.
 */
class Direction implements Heir, Taker, Sender {
  readonly from: Socket;
  readonly to: Socket;
  /** Octets read so far. */
  carried = 0;
  isClosed = false;
  most: ReadSize = 'large';
  /** For what the receiver has not taken at once. Made when something is held for the first time. */
  held: Claim | null = null;
  readonly #tunnel: Relay;
  #passed = 0;
  #stalledAt = 0;

  constructor(from: Socket, to: Socket, tunnel: Relay) {
    this.from = from;
    this.to = to;
    this.#tunnel = tunnel;
  }

  ended(): void {
    const { to } = this;
    if (this === this.#tunnel.upward) this.#tunnel.screen?.ended(this.#tunnel);
    // If `to` has ended as well and everything sent to it is written, closing it means the same with one system call less.
    if (to.readableEnded && to.writableLength === 0) to.destroy();
    else to.end();
  }

  closed(hadError: boolean): void {
    this.#tunnel.closed(this, hadError);
    this.#tunnel.reads.forget(this.from);
  }

  take(bytes: Buffer): boolean {
    this.carried += bytes.length;
    const moving = this.#tunnel.through(this, bytes);
    if (moving === null) return true;
    this.#passed += moving.length;
    if (this.#passed >= FAST_AFTER) this.most = 'whole';
    if (send(this.to, moving, this)) return true;
    this.#stalledAt = performance.now();
    this.held ??= this.#tunnel.claim('relays');
    this.held.hold(this.to.writableLength);
    return false;
  }

  onGone(): void {
    if (performance.now() - this.#stalledAt > STALL_MS) {
      this.#passed = 0;
      this.most = 'large';
    }
    this.held?.hold(0);
    this.from.resume();
  }
}
