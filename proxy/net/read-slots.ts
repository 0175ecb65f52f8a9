/** The internals of net.Socket that direct-io.ts rests on: where it keeps the settings of its `onread` option. */
import type { Socket } from 'node:net';

/** Stand for Node's own symbols, which can only be found at run time. */
declare const BUFFER: unique symbol;
declare const CALLBACK: unique symbol;
declare const GENERATOR: unique symbol;

/** With what `onread` gives: a buffer, a callback, and a function that names the next buffer. */
export interface SlottedSocket extends Socket {
  [BUFFER]?: Buffer | null;
  [CALLBACK]?: ((length: number, bytes: Buffer) => boolean) | null;
  [GENERATOR]?: (() => Buffer | undefined) | null;
}

/** The properties that hold those. */
export interface ReadSlots {
  readonly buffer: typeof BUFFER;
  readonly callback: typeof CALLBACK;
  readonly generator: typeof GENERATOR;
}

/** Null if this release of Node does not have them. */
export function findSlots(socket: Socket): ReadSlots | null {
  const symbols = Object.getOwnPropertySymbols(socket);
  const [buffer, callback, generator] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) =>
    symbols.find(({ description }) => description === name),
  );
  if (buffer === undefined || callback === undefined || generator === undefined) return null;
  return {
    buffer: buffer as typeof BUFFER,
    callback: callback as typeof CALLBACK,
    generator: generator as typeof GENERATOR,
  };
}
