/**
 * Pipelined requests, one at a time (RFC 9112 section 9.3.2): their order holds upstream as well, and one connection of
 * a client never means more than one connection of ours.
 */
import type { Socket } from 'node:net';

export interface Turns {
  /** Runs `work` once all that was taken before for this socket has settled; at once where nothing is under way. */
  take(socket: Socket, work: () => Promise<void>): Promise<void>;
}

/** What a client may have waiting before its connection is cut: more is no pipeline but a flood. */
const MOST_WAITING = 128;

export function createTurns(): Turns {
  const lines = new WeakMap<Socket, { last: Promise<void>; waiting: number }>();
  return {
    take(socket, work) {
      const line = lines.get(socket) ?? { last: Promise.resolve(), waiting: 0 };
      lines.set(socket, line);
      if (line.waiting >= MOST_WAITING) socket.destroy();
      const turn = line.waiting === 0 ? work() : line.last.then(work);
      line.waiting += 1;
      line.last = turn
        .catch(() => undefined)
        .finally(() => {
          line.waiting -= 1;
        });
      return turn;
    },
  };
}
