/** What a client sends after its CONNECT before the tunnel is open. */
import type { Socket } from 'node:net';
import type { DirectReads } from '../net/direct-io.js';
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
 * Keeps reading `socket`, so that a lost client is noticed. What arrives leaves only once the tunnel is open, and
 * never if it does not open.
 */
export class EarlyData {
  readonly #newClaim: EarlyDataOptions['claim'];
  #held: HeldBytes | null = null;
  #claim: Claim | null = null;
  #isDropped = false;
  #isRefused = false;
  #onRefused: (() => void) | null = null;
  #onFull: (() => void) | null = null;

  constructor(socket: Socket, { reads, rest, claim }: EarlyDataOptions) {
    this.#newClaim = claim;
    if (rest.length > 0) this.#keep(rest);
    reads.read(socket, this.#keep, pieceBytes);
  }

  /** There was no memory left for the bytes, and they are dropped. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** All bytes so far; callable once. Whoever reads the socket next gets what comes after them. */
  take(): Buffer {
    const taken = this.#held?.all() ?? NOTHING;
    this.#release();
    return taken;
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

  readonly #keep = (bytes: Buffer): boolean => {
    if (this.#isDropped) return true;
    this.#held ??= new HeldBytes();
    this.#held.push(bytes);
    this.#claim ??= this.#newClaim(() => this.#refuse());
    this.#claim.hold(this.#held.length);
    if (this.#hasRoom) return true;
    this.#onFull?.();
    return false;
  };

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

const pieceBytes = (): number => PIECE_BYTES;
