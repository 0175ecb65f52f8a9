/**
 * Reading and writing a TCP socket without a buffer of its own.
 *
 * Node allocates 64 KiB for every read of a socket, and its `onread` option (one buffer, used again and again) exists
 * only for sockets that `net.connect` makes. `DirectReads` gives any socket the same: what it does is what `net.Socket`
 * does for that option. Where a Node release has no such internals, bytes arrive as `data` events and the caller sees no
 * difference but the cost. One buffer can serve every socket of the process, because a read and its callback are one
 * synchronous step; so nothing may keep the bytes after the callback, and `writeNow` exists: it gives to the kernel what
 * the kernel takes at once, and keeps no reference.
 */
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';

/** `bytes` are valid until the callback returns. False stops reading until `socket.resume()`. */
export type Reader = (bytes: Buffer) => boolean;

/** One for all sockets of the process: `buffer` is what each of them is read into. */
export class DirectReads {
  readonly #buffer: Buffer;
  /** The same for every socket: looked for once. */
  #slots: ReadSlots | null = null;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  /**
   * Reads `socket` from now on, piece by piece; what it had buffered comes first. `end`, `error` and `close` are emitted
   * as ever. Called again, it puts another reader in the place of the one before.
   */
  read(socket: Socket, reader: Reader): void {
    let goOn = true;
    if (this.#take(socket, (length, bytes) => reader(bytes.subarray(0, length)))) {
      // After the reader stands: it may put another one in its place with the first of these.
      for (let early = socket.read(); early !== null; early = socket.read()) goOn = reader(early) && goOn;
    } else {
      socket.removeAllListeners('data');
      socket.on('data', (bytes: Buffer) => void (reader(bytes) || socket.pause()));
    }
    if (goOn) socket.resume();
    else socket.pause();
  }

  /** Makes of a socket that was read here a stream again, `bytes` in front of what is still to come. */
  giveBack(socket: Socket, bytes: Buffer): void {
    socket.removeAllListeners('data');
    // As node:http does after an upgrade: whoever listens for data next makes it flow.
    Reflect.set(socket, 'readableFlowing', null);
    this.#take(socket, (length, read) => socket.push(Buffer.from(read.subarray(0, length))));
    socket.unshift(bytes);
  }

  /** False where this release of Node has no such way, or the socket is no plain TCP connection. */
  #take(socket: Socket, onRead: (length: number, bytes: Buffer) => boolean): boolean {
    const handle = tcpHandle(socket);
    this.#slots ??= findSlots(socket);
    if (handle === null || this.#slots === null || typeof handle.useUserBuffer !== 'function') return false;
    const { buffer, callback } = this.#slots;
    Reflect.set(socket, callback, onRead);
    if (Reflect.get(socket, buffer) === this.#buffer) return true;
    Reflect.set(socket, buffer, this.#buffer);
    handle.useUserBuffer(this.#buffer);
    return true;
  }
}

/**
 * Writes as much of `bytes` as the kernel takes without waiting and answers how much that was: 0 where earlier bytes
 * are still queued, or where there is no way to tell. Throws what the system call failed with.
 */
export function writeNow(socket: Socket, bytes: Buffer): number {
  if (socket.writableLength > 0 || !socket.writable) return 0;
  // Asked for every time: a number kept past the socket's end could name another connection.
  const fd = tcpHandle(socket)?.fd;
  if (typeof fd !== 'number' || fd < 0) return 0;
  try {
    return writeSync(fd, bytes, 0, bytes.length);
  } catch (error) {
    if (isAgain(error)) return 0;
    throw error;
  }
}

/**
 * Writes all of `bytes`: what the kernel takes at once, and of the rest a copy, which is queued. True: nothing was
 * queued; else `whenGone` is called after the copy is written. Where the socket is lost it is destroyed with the error.
 */
export function send(socket: Socket, bytes: Buffer, whenGone?: () => void): boolean {
  let written = 0;
  try {
    written = writeNow(socket, bytes);
  } catch (error) {
    socket.destroy(error instanceof Error ? error : new Error('write failed'));
    return false;
  }
  if (written === bytes.length) return true;
  socket.write(Buffer.from(bytes.subarray(written)), whenGone);
  return false;
}

interface Handle {
  readonly fd?: unknown;
  useUserBuffer?(buffer: Buffer): void;
}

/** Only a plain TCP handle: the descriptor under a TLS one takes bytes that nothing would encrypt. */
function tcpHandle(socket: Socket): Handle | null {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null || handle.constructor.name !== 'TCP') return null;
  return handle;
}

/** Where `net.Socket` looks for the buffer and the callback of its option `onread`. */
interface ReadSlots {
  readonly buffer: symbol;
  readonly callback: symbol;
}

function findSlots(socket: Socket): ReadSlots | null {
  let buffer: symbol | null = null;
  let callback: symbol | null = null;
  for (const slot of Object.getOwnPropertySymbols(socket)) {
    if (slot.description === 'kBuffer') buffer = slot;
    if (slot.description === 'kBufferCb') callback = slot;
  }
  return buffer === null || callback === null ? null : { buffer, callback };
}

function isAgain(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
