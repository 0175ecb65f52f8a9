/** The internals of net.Socket that direct-io.ts rests on: where it keeps the settings of its `onread` option. */
import type { Socket } from 'node:net';

/** The properties that hold what `onread` gives: a buffer, a callback, and a function that names the next buffer. */
export interface ReadSlots {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

/** Null if this release of Node does not have them. */
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

/** Narrows the type, so that a slot can be assigned to, which costs a tenth of Reflect.set. */
export function hasSlot(socket: Socket, slot: symbol): socket is Socket & Record<symbol, unknown> {
  return slot in socket;
}
