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
import { findSlots, type ReadSlots, type SlottedSocket } from './read-slots.js';

/** How much one read may bring, in octets. `whole`: all that the buffer of the process takes. */
export const READ_BYTES = { small: 16 * 1024, large: 64 * 1024, whole: Number.POSITIVE_INFINITY } as const;

export type ReadSize = keyof typeof READ_BYTES;

/** Whoever reads a socket. An object, not two closures, as there may be thousands. */
export interface Taker {
  /** `bytes` are valid until it returns. False stops reading until `socket.resume()`. */
  take(bytes: Buffer): boolean;
  /** How much the next read may bring. */
  readonly most: ReadSize;
}

/** A read of at least this much is part of a transfer. */
const BULK_BYTES = 16 * 1024;

/** The most of those in one turn of the event loop, and the most time for them: content in chunks of one octet takes long to read. */
type Share = Readonly<Record<'reads' | 'ms', number>>;

/** While others ask for something: a turn is how long a request waits for its next step, and a newcomer to be accepted. */
const BESIDE_OTHERS: Share = { reads: 32, ms: 5 };
/** A turn that is cut costs transfers a tenth of their CPU. */
const ALONE: Share = { reads: Number.POSITIVE_INFINITY, ms: 16 };
/** Whoever asked for something may go on with it for so many turns. */
const TURNS_OF_OTHERS = 8;

const TAKER = Symbol('taker');

/** `TAKER` holds whoever reads it now; without one, it is not read directly. */
interface ReadSocket extends SlottedSocket {
  [TAKER]?: Taker;
}

/** One for all sockets of the process, each of which is read into `buffer`. */
export class DirectReads {
  /** Beginnings of the buffer. */
  readonly #parts: Readonly<Record<ReadSize, Buffer>>;
  /** Looked for once, since every socket has the same ones. */
  #slots: ReadSlots | null = null;
  #bulk = 0;
  #bulkMs = 0;
  #isScheduled = false;
  /** Turns until the transfers are taken to be alone. */
  #turnsOfOthers = 0;
  /** Those whose transfers go on in a later turn, in the order in which they were stopped. */
  readonly #stopped = new Set<Socket>();

  /** Called by Node after each read, as a method of the socket; then Node asks the generator for the buffer of the next read. */
  readonly #callback: (this: ReadSocket, length: number, bytes: Buffer) => boolean;
  readonly #generator = (): Buffer => this.#next;
  #next: Buffer;

  constructor(buffer: Buffer) {
    const reads = this;
    this.#next = buffer;
    this.#parts = {
      small: buffer.subarray(0, READ_BYTES.small),
      large: buffer.subarray(0, READ_BYTES.large),
      whole: buffer,
    };
    this.#callback = function (length, bytes) {
      const taker = this[TAKER] ?? NOBODY;
      const piece = bytes.subarray(0, length);
      const goOn = length < BULK_BYTES ? reads.#noted(taker, piece) : reads.#timed(taker, piece) && reads.#goesOn(this);
      // Somebody else may have taken over.
      reads.#next = reads.#parts[(this[TAKER] ?? NOBODY).most];
      return goOn;
    };
  }

  /**
   * Reads `socket` from now on, piece by piece; what it had buffered comes first. `end`, `error` and `close` are emitted
   * as always. Called again, it replaces the taker; the earlier size still applies to one read.
   */
  readInto(socket: Socket, taker: Taker): void {
    const read: ReadSocket = socket;
    let goOn = true;
    if (read[TAKER] !== undefined || this.#begin(read, this.#parts[taker.most])) {
      read[TAKER] = taker;
      // Only now that it is set, since it may already put another one in its place on the first of these pieces.
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
  #begin(socket: ReadSocket, first: Buffer): boolean {
    const handle = tcpHandle(socket);
    this.#slots ??= findSlots(socket);
    const slots = this.#slots;
    if (handle === null || slots === null || typeof handle.useUserBuffer !== 'function') return false;
    if (!(slots.buffer in socket)) return false;
    socket[slots.generator] = this.#generator;
    socket[slots.callback] = this.#callback;
    socket[slots.buffer] = first;
    handle.useUserBuffer(first);
    this.#turnsOfOthers = TURNS_OF_OTHERS;
    return true;
  }

  /**
   * Detaches listeners and taker from a socket, no sooner than while its `close` is emitted. V8 may keep a closed socket
   * until the next full collection, and with it all that it refers to: a whole tunnel.
   */
  forget(socket: Socket): void {
    const read: ReadSocket = socket;
    if (read[TAKER] === NOBODY) return;
    // For every event at once, and not by the stream's own method, which costs a tick.
    EventEmitter.prototype.removeAllListeners.call(socket);
    socket.on('error', ignore);
    if (read[TAKER] === undefined || this.#slots === null) return;
    read[TAKER] = NOBODY;
    read[this.#slots.generator] = null;
    read[this.#slots.callback] = null;
    read[this.#slots.buffer] = null;
  }

  /** A small piece of a transfer that has proven fast is its end, or what was there when its sender was slower. */
  #noted(taker: Taker, piece: Buffer): boolean {
    if (taker.most !== 'whole') this.#turnsOfOthers = TURNS_OF_OTHERS;
    return taker.take(piece);
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
    if (this.#bulk <= this.#share.reads && this.#bulkMs <= this.#share.ms) return true;
    this.#stopped.add(socket);
    return false;
  }

  get #share(): Share {
    return this.#turnsOfOthers === 0 ? ALONE : BESIDE_OTHERS;
  }

  readonly #nextLoop = (): void => {
    if (this.#turnsOfOthers > 0) this.#turnsOfOthers -= 1;
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

  /** How many fit into the share, judged by how long the last ones took. A few at a time: each reads once before it can be stopped. */
  #mostOfLoop(): number {
    const each = this.#bulkMs / Math.max(1, this.#bulk);
    return Math.max(1, Math.min(BESIDE_OTHERS.reads, Math.floor(this.#share.ms / each)));
  }
}

/** Of a socket that was forgotten. */
const NOBODY: Taker = { take: () => true, most: 'whole' };
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
  useUserBuffer?(buffer: Buffer): void;
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
