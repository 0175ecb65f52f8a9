/** The end of a connection, however it comes. */
import type { Socket } from 'node:net';

/** Resolves when `socket` is closed. Not as once() does, which takes a reset for an error: who closes with octets unread sends one. */
export function untilClosed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  return socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', () => resolve()));
}
