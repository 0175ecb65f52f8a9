/** Where Node keeps what a socket is read by: of its internals, all that direct-io.ts rests on. */
import type { Socket } from 'node:net';

/** Where `net.Socket` looks for what its option `onread` gives: a buffer, a callback, and who names the next buffer. */
export interface ReadSlots {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

/** Null: this release of Node has others. */
export function findSlots(socket: Socket): ReadSlots | null {
  let buffer: symbol | null = null;
  let callback: symbol | null = null;
  let generator: symbol | null = null;
  for (const slot of Object.getOwnPropertySymbols(socket)) {
    if (slot.description === 'kBuffer') buffer = slot;
    if (slot.description === 'kBufferCb') callback = slot;
    if (slot.description === 'kBufferGen') generator = slot;
  }
  return buffer === null || callback === null || generator === null ? null : { buffer, callback, generator };
}

/** Sockets of a release all have the same ones. Assigned, which costs a tenth of Reflect.set. */
export function hasSlot(socket: Socket, slot: symbol): socket is Socket & Record<symbol, unknown> {
  return slot in socket;
}
