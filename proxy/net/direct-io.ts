/**
 * Reading and writing a TCP socket without a buffer of its own.
 *
 * Node allocates 64 KiB for every read of a socket, and its `onread` option (one buffer that is used again and again) exists
 * only for sockets that `net.connect` makes. `DirectReads` does for any socket what `net.Socket` does for that option. In a
 * Node release without the internals that this takes, bytes arrive as `data` events, and the caller sees no difference but
 * the cost. One buffer can serve every socket of the process, because a read and its callback are one synchronous step.
 * So nothing may keep the bytes after the callback. `writeNow` allows for that: it hands the kernel what it takes at once,
 * and keeps no reference. DECISIONS 66.
 */
import { EventEmitter } from 'node:events';
import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { findSlots, hasSlot, type ReadSlots } from './read-slots.js';

/** `bytes` are valid until the callback returns. False stops reading until `socket.resume()`. */
export type Reader = (bytes: Buffer) => boolean;

/** How many octets the next read of a socket may bring. Rounded down to one of READ_SIZES. */
export type ReadSize = () => number;

/** Reader and size in one object instead of two closures, as there may be thousands. */
export interface Taker {
  take(bytes: Buffer): boolean;
  most(): number;
}

const READ_SIZES = [16 * 1024, 64 * 1024] as const;
/** A read of at least this much is part of a transfer. */
const BULK_BYTES = 16 * 1024;
/** The most of those in one turn of the event loop: hundreds of them would keep requests and new connections waiting. */
const BULK_PER_LOOP = 32;
/** The most time for them in one turn: content in chunks of one octet each takes ten times as long to read. */
const BULK_MS_PER_LOOP = 8;

/** One for all sockets of the process, each of which is read into `buffer`. */
export class DirectReads {
  /** Beginnings of the buffer, from the smallest to the whole of it. */
  readonly #parts: readonly Buffer[];
  /** Looked for once, since every socket has the same ones. */
  #slots: ReadSlots | null = null;
  #bulk = 0;
  #bulkMs = 0;
  #isScheduled = false;
  /** Those whose transfers go on in a later turn, in the order in which they were stopped. */
  readonly #stopped = new Set<Socket>();

  /** Called by Node after each read, as a method of the socket; then Node asks the generator for the buffer of the next read. */
  readonly #callback: (this: Socket, length: number, bytes: Buffer) => boolean;
  readonly #generator = (): Buffer | undefined => this.#next;
  #next: Buffer | undefined;

  constructor(buffer: Buffer) {
    const onRead = (socket: Socket, piece: Buffer): boolean => this.#onRead(socket, piece);
    this.#callback = function (length, bytes) {
      return onRead(this, bytes.subarray(0, length));
    };
    const smaller = READ_SIZES.filter((size) => size < buffer.length);
    this.#parts = [...smaller.map((size) => buffer.subarray(0, size)), buffer];
  }

  /**
   * Reads `socket` from now on, piece by piece; what it had buffered comes first. `end`, `error` and `close` are emitted
   * as always. Called again, it replaces the reader; the earlier size still applies to one read.
   */
  read(socket: Socket, reader: Reader, size: ReadSize = anySize): void {
    this.readInto(socket, { take: reader, most: size });
  }

  /** The same for a taker. */
  readInto(socket: Socket, taker: Taker): void {
    let goOn = true;
    if (this.#take(socket, taker)) {
      // Only now that the reader is set, since it may already put another one in its place on the first of these pieces.
      const first = socket.readableLength === 0 ? null : socket.read();
      for (let early = first; early !== null; early = socket.read()) goOn = taker.take(early) && goOn;
    } else {
      socket.removeAllListeners('data');
      socket.on('data', (bytes: Buffer) => void (taker.take(bytes) || socket.pause()));
    }
    if (goOn) socket.resume();
    else socket.pause();
  }

  /** False if this release of Node has no such way, or the socket is no plain TCP connection. */
  #take(socket: Socket, taker: Taker): boolean {
    if (isRead(socket)) {
      socket[READING] = taker;
      return true;
    }
    const handle = tcpHandle(socket);
    this.#slots ??= findSlots(socket);
    if (handle === null || this.#slots === null || typeof handle.useUserBuffer !== 'function') return false;
    const { buffer, callback, generator } = this.#slots;
    if (!hasSlot(socket, buffer)) return false;
    const first = this.#part(taker.most());
    socket[READING] = taker;
    socket[generator] = this.#generator;
    socket[callback] = this.#callback;
    socket[buffer] = first;
    handle.useUserBuffer(first);
    return true;
  }

  /** Hands on what a read of `socket` has brought. False stops reading for now. */
  #onRead(socket: Socket, piece: Buffer): boolean {
    const taker = takerOf(socket);
    const isBulk = piece.length >= BULK_BYTES;
    const goOn = isBulk ? this.#timed(taker, piece) && this.#goesOn(socket) : taker.take(piece);
    this.#next = this.#part(takerOf(socket).most());
    return goOn;
  }

  /**
   * Detaches listeners and reader from a socket, no sooner than while its `close` is emitted. V8 may keep a closed socket
   * until the next full collection, and with it all that it refers to: a whole tunnel.
   */
  forget(socket: Socket): void {
    if (takerOf(socket) === NOBODY && isRead(socket)) return;
    // For every event at once, and not by the stream's own method, which costs a tick.
    EventEmitter.prototype.removeAllListeners.call(socket);
    socket.on('error', ignore);
    if (this.#slots === null || !isRead(socket)) return;
    socket[READING] = NOBODY;
    if (!hasSlot(socket, this.#slots.buffer)) return;
    socket[this.#slots.generator] = null;
    socket[this.#slots.callback] = null;
    socket[this.#slots.buffer] = null;
  }

  #timed(taker: Taker, piece: Buffer): boolean {
    const startedAt = performance.now();
    const goOn = taker.take(piece);
    this.#bulk += 1;
    this.#bulkMs += performance.now() - startedAt;
    if (!this.#isScheduled) setImmediate(this.#nextLoop);
    this.#isScheduled = true;
    return goOn;
  }

  /** False: reading goes on in a later turn of the loop. */
  #goesOn(socket: Socket): boolean {
    if (this.#bulk <= BULK_PER_LOOP && this.#bulkMs <= BULK_MS_PER_LOOP) return true;
    this.#stopped.add(socket);
    return false;
  }

  readonly #nextLoop = (): void => {
    let left = this.#mostOfLoop();
    this.#bulk = 0;
    this.#bulkMs = 0;
    this.#isScheduled = this.#stopped.size > 0;
    if (this.#isScheduled) setImmediate(this.#nextLoop);
    for (const socket of this.#stopped) {
      if (left === 0) return;
      left -= 1;
      this.#stopped.delete(socket);
      socket.resume();
    }
  };

  /** How many fit into BULK_MS_PER_LOOP, judged by how long the last ones took. */
  #mostOfLoop(): number {
    const each = this.#bulkMs / Math.max(1, this.#bulk);
    return Math.max(1, Math.min(BULK_PER_LOOP, Math.floor(BULK_MS_PER_LOOP / each)));
  }

  #part(size: number): Buffer | undefined {
    let part = this.#parts[0];
    for (const larger of this.#parts) if (larger.length <= size) part = larger;
    return part;
  }
}

const READING = Symbol('reading');

/** `READING` holds the taker that reads the socket now. */
function isRead(socket: Socket): socket is Socket & { [READING]: Taker } {
  return READING in socket;
}

function takerOf(socket: Socket): Taker {
  return isRead(socket) ? socket[READING] : NOBODY;
}

const anySize = (): number => Number.POSITIVE_INFINITY;
/** Of a socket that was forgotten. */
const NOBODY: Taker = { take: () => true, most: anySize };
/** Reads what still comes, and drops it. */
export const DROPPED: Taker = { ...NOBODY };
const ignore = (): void => undefined;

/**
 * Writes as much of `bytes` as the kernel takes without waiting and answers how much that was: 0 where earlier bytes
 * are still queued, or where there is no way to tell. Throws what the system call failed with. A text is latin1: a head needs no
 * buffer of its own.
 */
export function writeNow(socket: Socket, bytes: Buffer | string): number {
  if (socket.writableLength > 0 || !socket.writable) return 0;
  // Asked for every time, because after the socket's end the same number may be another connection's.
  const fd = tcpHandle(socket)?.fd;
  if (typeof fd !== 'number' || fd < 0) return 0;
  try {
    return typeof bytes === 'string' ? writeSync(fd, bytes, null, 'latin1') : writeSync(fd, bytes, 0, bytes.length);
  } catch (error) {
    if (isAgain(error)) return 0;
    throw error;
  }
}

/** Is told when queued bytes have been written, or never will be. */
export interface Sender {
  onGone(): void;
}

/**
 * Writes all of `bytes`: directly what the kernel takes at once, and a queued copy of the rest. True if nothing was
 * queued; otherwise `sender` is told when the copy is written. If the write fails, the socket is destroyed with the error.
 */
export function send(socket: Socket, bytes: Buffer, sender: Sender | null = null): boolean {
  let written = 0;
  try {
    written = writeNow(socket, bytes);
  } catch (error) {
    socket.destroy(error instanceof Error ? error : new Error('write failed'));
    return false;
  }
  if (written === bytes.length) return true;
  const rest = Buffer.from(bytes.subarray(written));
  if (sender === null) socket.write(rest);
  else socket.write(rest, () => sender.onGone());
  return false;
}

interface Handle {
  readonly fd?: unknown;
  useUserBuffer?(buffer: Buffer | undefined): void;
}

/** The handle of a plain TCP socket alone: what is written to the descriptor below a TLS socket would not be encrypted. */
function tcpHandle(socket: Socket): Handle | null {
  const handle = '_handle' in socket ? socket._handle : null;
  if (typeof handle !== 'object' || handle === null || handle.constructor.name !== 'TCP') return null;
  return handle;
}

function isAgain(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
