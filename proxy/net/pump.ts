/** One direction of a tunnel: writes what it reads, and claims memory for what the receiver does not take at once. */
import type { Socket } from 'node:net';
import { type DirectReads, type ReadSize, type Sender, send, type Taker } from './direct-io.js';
import type { Claim } from './memory-budget.js';
import type { Heir } from './side.js';

/** After so many octets without a long stall a read may bring more than that: this is a real transfer, not a trap. */
export const FAST_AFTER = 16 * 2 ** 20;
/** A receiver that is behind for longer than this is slow. */
const STALL_MS = 500;

/** The tunnel as its two directions see it. */
export interface Pumping {
  readonly reads: DirectReads;
  /** Is given every piece, and returns what is to be written now; null: nothing. */
  through(pump: Pump, bytes: Buffer): Buffer | null;
  /** Made when something is held for the first time. */
  claim(): Claim;
  ended(pump: Pump): void;
  closed(pump: Pump, hadError: boolean): void;
}

/**
 * Reads `from` until it ends, and stops while `to` is behind. Reads are no more than `large`, which is all that is held for
 * a slow receiver, until the direction has proven fast, and again after each long stall.
 */
export class Pump implements Heir, Taker, Sender {
  readonly from: Socket;
  readonly to: Socket;
  /** Octets read so far. */
  carried = 0;
  isClosed = false;
  most: ReadSize = 'large';
  readonly #tunnel: Pumping;
  #claim: Claim | null = null;
  #passed = 0;
  #stalledAt = 0;

  /** Reads nothing before `start`. */
  constructor(from: Socket, to: Socket, tunnel: Pumping) {
    this.from = from;
    this.to = to;
    this.#tunnel = tunnel;
  }

  start(): void {
    this.#tunnel.reads.readInto(this.from, this);
  }

  ended(): void {
    this.#tunnel.ended(this);
  }

  closed(hadError: boolean): void {
    this.#tunnel.closed(this, hadError);
    this.#tunnel.reads.forget(this.from);
  }

  /** Gives the claim back: nothing is held any more. */
  release(): void {
    this.#claim?.hold(0);
  }

  take(bytes: Buffer): boolean {
    this.carried += bytes.length;
    const moving = this.#tunnel.through(this, bytes);
    if (moving === null) return true;
    this.#passed += moving.length;
    if (this.#passed >= FAST_AFTER) this.most = 'whole';
    if (send(this.to, moving, this)) return true;
    this.#stalledAt = performance.now();
    this.#claim ??= this.#tunnel.claim();
    this.#claim.hold(this.to.writableLength);
    return false;
  }

  onGone(): void {
    if (performance.now() - this.#stalledAt > STALL_MS) {
      this.#passed = 0;
      this.most = 'large';
    }
    this.release();
    this.from.resume();
  }
}
