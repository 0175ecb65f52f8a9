/** Reads a connection in pieces of the size that is asked for. What follows is kept for the next reader, within a bound. */
import type { Socket } from 'node:net';
import { EgressError } from '../core/reasons.js';
import { type DirectReads, READ_BYTES } from './direct-io.js';

/** The most that is held before reading stops. */
const MOST_BYTES = READ_BYTES.small;
const NOTHING = Buffer.alloc(0);

/** The length of a message in octets, as far as `held` tells: more than has come as long as the message is not whole. */
export type LengthOf = (held: Buffer) => number;

/** What is read: a socket. */
interface Source {
  /** There is room again. */
  resume(): unknown;
}

/** Holds what has come and was not taken yet. `push` tells whoever feeds it when that is enough. */
export class OctetReader {
  readonly #source: Source;
  /** Grows by doubling. A part that was handed out is never written to again. */
  #buffer = NOTHING;
  #start = 0;
  #end = 0;
  #isOver = false;
  #failure: EgressError | null = null;
  #wake: (() => void) | null = null;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Copies `bytes`. False: enough is held for now. */
  push(bytes: Buffer): boolean {
    if (this.#end + bytes.length > this.#buffer.length) this.#grow(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
    this.#wake?.();
    return this.#length < MOST_BYTES;
  }

  /** The time for what it is read for is over: nothing more can be taken. */
  onLate(): void {
    this.#failure = new EgressError('handshake-timeout');
    this.#wake?.();
  }

  /** No more will come. */
  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  /**
   * Exactly so many octets, or one whole message; not as a promise if they have come already. Rejects with EgressError
   * `client-closed` if the connection ends before that, or `handshake-timeout`.
   */
  readonly take = (wanted: number | LengthOf): Buffer | Promise<Buffer> => {
    try {
      return this.#whole(wanted) ?? this.#later(() => this.#whole(wanted));
    } catch (error) {
      return Promise.reject(error);
    }
  };

  /** Ends reading, and returns what was not taken. */
  release(): Buffer {
    return this.#cut(this.#length);
  }

  /** `find` returns undefined as long as more has to come; the promise rejects with whatever it throws. */
  #later<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        try {
          const found = find();
          if (found === undefined) {
            this.#source.resume();
            return;
          }
          resolve(found);
        } catch (error) {
          reject(error);
        }
        this.#wake = null;
      };
      this.#source.resume();
    });
  }

  #whole(wanted: number | LengthOf): Buffer | undefined {
    if (this.#failure !== null) throw this.#failure;
    const length = typeof wanted === 'number' ? wanted : wanted(this.#buffer.subarray(this.#start, this.#end));
    if (length <= this.#length) return this.#cut(length);
    if (this.#isOver) throw new EgressError('client-closed');
    return undefined;
  }

  #cut(length: number): Buffer {
    if (length === 0) return NOTHING;
    const taken = this.#buffer.subarray(this.#start, this.#start + length);
    this.#start += length;
    return taken;
  }

  get #length(): number {
    return this.#end - this.#start;
  }

  #grow(more: number): void {
    const unread = this.#buffer.subarray(this.#start, this.#end);
    this.#buffer = Buffer.allocUnsafeSlow(
      unread.length === 0 ? more : Math.max(unread.length * 2, unread.length + more),
    );
    this.#buffer.set(unread);
    this.#start = 0;
    this.#end = unread.length;
  }
}

/** Reads `socket` from now on. After `release`, another reader has to take over. */
export function readOctets(socket: Socket, reads: DirectReads): OctetReader {
  const reader = new OctetReader(socket);
  const end = (): void => reader.end();
  socket.once('end', end).once('close', end);
  if (socket.readableEnded || socket.destroyed) reader.end();
  reads.readInto(socket, { take: (bytes) => reader.push(bytes), most: 'small' });
  return reader;
}
