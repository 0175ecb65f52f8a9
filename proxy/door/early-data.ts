/** What a client sends after its CONNECT before the tunnel is open. */
import type { Socket } from 'node:net';
import type { DirectReads, Taker } from '../net/direct-io.js';
import { HeldBytes } from '../net/held-bytes.js';
import type { Claim } from '../net/memory-budget.js';

export interface EarlyDataOptions {
  readonly reads: DirectReads;
  /** What came with the head. Valid until the call returns. */
  readonly rest: Buffer;
  readonly claim: (refuse: () => void) => Claim;
}

/** Anything beyond this waits in the kernel, and holds the client back. */
export const MOST_BYTES = 64 * 1024;
/** At most per read: reading stops before another one could exceed MOST_BYTES. */
const PIECE_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * From `start` on it keeps reading `socket`, so that a lost client is noticed. What arrives leaves only once the tunnel is
 * open, and never if it does not open.
 */
export class EarlyData implements Taker {
  readonly #socket: Socket;
  readonly #reads: DirectReads;
  readonly #newClaim: EarlyDataOptions['claim'];
  #held: HeldBytes | null = null;
  #claim: Claim | null = null;
  #isDropped = false;
  #isRefused = false;
  #onRefused: (() => void) | null = null;
  #onFull: (() => void) | null = null;

  /** Reads nothing before `start`. */
  constructor(socket: Socket, { reads, rest, claim }: EarlyDataOptions) {
    this.#socket = socket;
    this.#reads = reads;
    this.#newClaim = claim;
    if (rest.length > 0) this.take(rest);
  }

  /** To be called by whoever makes the client wait, before anything more can arrive: in the same turn of the event loop. */
  start(): void {
    this.#reads.readInto(this.#socket, this);
  }

  /** There was no memory left for the bytes, and they are dropped. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** All bytes so far; callable once. Whoever reads the socket next gets what comes after them. */
  all(): Buffer {
    const all = this.#held?.all() ?? NOTHING;
    this.#release();
    return all;
  }

  /** Releases the bytes, and drops what is still to come. */
  drop(): void {
    this.#isDropped = true;
    this.#release();
  }

  /** `act`: called when there is no memory left for the bytes, or at once if that has happened. */
  whenRefused(act: () => void): void {
    this.#onRefused = act;
    if (this.#isRefused) act();
  }

  /** `act`: called when no more is read, or at once if that is so already. */
  whenFull(act: () => void): void {
    this.#onFull = act;
    if (!this.#hasRoom) act();
  }

  get #hasRoom(): boolean {
    return this.#held === null || this.#held.length + PIECE_BYTES <= MOST_BYTES;
  }

  take(bytes: Buffer): boolean {
    if (this.#isDropped) return true;
    this.#held ??= new HeldBytes();
    this.#held.push(bytes);
    this.#claim ??= this.#newClaim(() => this.#refuse());
    this.#claim.hold(this.#held.length);
    if (this.#hasRoom) return true;
    this.#onFull?.();
    return false;
  }

  most(): number {
    return PIECE_BYTES;
  }

  #refuse(): void {
    this.#isRefused = true;
    this.drop();
    this.#onRefused?.();
  }

  #release(): void {
    this.#held = null;
    this.#claim?.hold(0);
  }
}
