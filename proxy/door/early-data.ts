/** What a client sends after its CONNECT before the tunnel is open. */
import type { Socket } from 'node:net';
import type { DirectReads } from '../net/direct-io.js';
import { HeldBytes } from '../net/held-bytes.js';
import type { Claim } from '../net/memory-budget.js';

/** Bytes that leave only once the tunnel is open, and never where it does not open. */
export interface EarlyData {
  /** All of them so far; once. Whoever reads the socket next gets what comes after them. */
  take(): Buffer;
  /** Releases them, and drops what is still to come. */
  drop(): void;
  /** `act`: called when there is no memory for them any more, or at once where that has happened. They are dropped. */
  whenRefused(act: () => void): void;
}

export interface EarlyDataOptions {
  readonly reads: DirectReads;
  /** What came with the head. Valid until the call returns. */
  readonly rest: Buffer;
  readonly claim: (refuse: () => void) => Claim;
}

/** More than this waits in the kernel, and holds the client back. */
export const MOST_BYTES = 64 * 1024;
/** Of one read: stops before a last one could bring more. */
const PIECE_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/** Goes on reading `socket`, so that a client that is lost is noticed. */
export function keepEarlyData(socket: Socket, { reads, rest, claim }: EarlyDataOptions): EarlyData {
  let held: HeldBytes | null = null;
  let claimed: Claim | null = null;
  let drops = false;
  let isRefused = false;
  let onRefused = (): void => undefined;
  const release = (): void => {
    held = null;
    claimed?.hold(0);
  };
  const refuse = (): void => {
    drops = true;
    isRefused = true;
    release();
    onRefused();
  };
  const keep = (bytes: Buffer): boolean => {
    if (drops) return true;
    held ??= new HeldBytes();
    held.push(bytes);
    claimed ??= claim(refuse);
    claimed.hold(held.length);
    return held === null || held.length + PIECE_BYTES <= MOST_BYTES;
  };
  if (rest.length > 0) keep(rest);
  reads.read(socket, keep, () => PIECE_BYTES);
  return {
    take() {
      const taken = held?.all() ?? NOTHING;
      release();
      return taken;
    },
    drop() {
      drops = true;
      release();
    },
    whenRefused(act) {
      onRefused = act;
      if (isRefused) act();
    },
  };
}
