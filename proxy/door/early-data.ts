/** What a client sends after its CONNECT before the tunnel is open. */
import type { Socket } from 'node:net';
import { type DirectReads, READ_BYTES, type Taker } from '../net/direct-io.js';
import { HeldBytes } from '../net/held-bytes.js';
import { type Claim, type MemoryBudget, UNCLAIMED_BYTES } from '../net/memory-budget.js';
import { peerAddress } from './clients.js';

export interface EarlyDataRoom {
  readonly reads: DirectReads;
  readonly memory: MemoryBudget;
}

/** Who waits with the client. May be told the same more than once. */
export interface EarlyOwner {
  /** There was no memory left for the bytes, and they are dropped. */
  onNoMemory(): void;
  /** No more is read. */
  onFull(): void;
}

/** Anything beyond this waits in the kernel, and holds the client back. */
export const MOST_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * From `start` on it keeps reading `socket`, so that a lost client is noticed. What arrives leaves only once the tunnel is
 * open, and never if it does not open.
 */
export class EarlyData implements Taker {
  readonly most = 'small';
  /** There was no memory left for the bytes, and they are dropped. */
  isRefused = false;
  /** No more is read, since another read could exceed MOST_BYTES. */
  isFull = false;
  readonly #room: EarlyDataRoom;
  readonly #socket: Socket;
  #owner: EarlyOwner | null = null;
  #held: HeldBytes | null = null;
  #claim: Claim | null = null;
  #isStarted = false;
  #isDropped = false;

  /** `rest`: what came with the head; valid until this returns. Reads nothing before `start`. */
  constructor(room: EarlyDataRoom, socket: Socket, rest: Buffer) {
    this.#room = room;
    this.#socket = socket;
    if (rest.length > 0) this.take(rest);
  }

  /**
   * To be called by whoever makes the client wait, before anything more can arrive: in the same turn of the event loop. May be
   * called again: the owner is told from then on, and at once of what has happened before.
   */
  start(owner: EarlyOwner | null): void {
    this.#owner = owner;
    if (this.isRefused) owner?.onNoMemory();
    if (this.isFull) owner?.onFull();
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#room.reads.readInto(this.#socket, this);
  }

  /** All bytes so far; callable once. Whoever reads the socket next gets what comes after them. */
  all(): Buffer {
    if (this.#held === null) return NOTHING;
    const all = this.#held.all();
    this.#release();
    return all;
  }

  /** Releases the bytes, and drops what is still to come. */
  drop(): void {
    this.#isDropped = true;
    this.#release();
  }

  take(bytes: Buffer): boolean {
    if (this.#isDropped) return true;
    this.#held ??= new HeldBytes();
    const length = this.#held.push(bytes);
    if (length > UNCLAIMED_BYTES) this.#charge(length);
    this.isFull = !this.isRefused && length + READ_BYTES[this.most] > MOST_BYTES;
    if (this.isFull) this.#owner?.onFull();
    return !this.isFull;
  }

  #charge(length: number): void {
    this.#claim ??= this.#room.memory.claim('early', peerAddress(this.#socket.remoteAddress), () => this.#refuse());
    this.#claim.hold(length);
  }

  #refuse(): void {
    this.isRefused = true;
    this.drop();
    this.#owner?.onNoMemory();
  }

  #release(): void {
    this.#held = null;
    this.#claim?.hold(0);
  }
}
