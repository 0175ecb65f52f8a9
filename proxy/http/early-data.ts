/** What a client sends behind its CONNECT before the tunnel stands. */
import type { Socket } from 'node:net';
import type { DirectReads } from '../net/direct-io.js';

/** Bytes that leave only once the tunnel stands, and never where it does not. */
export interface Early {
  /** All of them so far; once. Whoever reads the socket next gets what comes behind. */
  take(): Buffer;
  /** Lets go of them, and of what is still to come. */
  drop(): void;
}

/** More than this waits in the kernel, and holds the client back. */
export const MOST_BYTES = 64 * 1024;
/** Of one read: as many as are left may not fill the last one. */
const PIECE_BYTES = 16 * 1024;

/** Goes on reading `socket`, so that a client that is lost is noticed. `rest`: what came with the head. */
export function keepEarly(socket: Socket, reads: DirectReads, rest: Buffer): Early {
  let pieces: Buffer[] | null = rest.length === 0 ? [] : [rest];
  let length = rest.length;
  reads.read(
    socket,
    (bytes) => {
      if (pieces === null) return true;
      pieces.push(Buffer.from(bytes));
      length += bytes.length;
      return length + PIECE_BYTES <= MOST_BYTES;
    },
    () => PIECE_BYTES,
  );
  return {
    take() {
      const taken = pieces ?? [];
      pieces = [];
      return taken.length === 1 && taken[0] !== undefined ? taken[0] : Buffer.concat(taken);
    },
    drop() {
      pieces = null;
    },
  };
}
