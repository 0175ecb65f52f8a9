/** One direction of a tunnel: what is read is written, and what its reader does not take at once is held and claimed. */
import type { Socket } from 'node:net';
import { type DirectReads, send } from './direct-io.js';
import type { Claim } from './memory-budget.js';

/** The most that a slow reader holds. */
export const SLOW_PIECE = 64 * 1024;
/** What has to have passed without a long stall before a read may bring more than that: a real transfer, not a trap. */
export const FAST_AFTER = 16 * 2 ** 20;
/** A reader that is behind for longer than this is a slow one. */
const STALL_MS = 500;

export interface Pump {
  readonly reads: DirectReads;
  /** Sees every piece, and answers what of it moves on now. */
  through(bytes: Buffer): Buffer | null;
  /** Made when something is held for the first time. */
  claim(): Claim;
}

/**
 * Reads `from` until it ends, and stops while `to` is behind. Reads bring at most SLOW_PIECE until the direction has
 * proven fast, and again after each long stall. Answers what gives the claim back, for the end of the tunnel.
 */
export function pump(from: Socket, to: Socket, { reads, through, claim }: Pump): () => void {
  let claimed: Claim | null = null;
  let passed = 0;
  let stalledAt = 0;
  const resume = (): void => {
    if (performance.now() - stalledAt > STALL_MS) passed = 0;
    claimed?.hold(0);
    from.resume();
  };
  const onBytes = (bytes: Buffer): boolean => {
    const moving = through(bytes);
    if (moving === null) return true;
    passed += moving.length;
    if (send(to, moving, resume)) return true;
    stalledAt = performance.now();
    claimed ??= claim();
    claimed.hold(to.writableLength);
    return false;
  };
  reads.read(from, onBytes, () => (passed < FAST_AFTER ? SLOW_PIECE : Number.POSITIVE_INFINITY));
  return () => claimed?.hold(0);
}
