/** Reads a connection in pieces of a wanted size; whatever follows them is kept for the next reader, within a bound. */
import type { Socket } from 'node:net';
import { EgressError } from '../core/reasons.js';
import type { Abortable } from './abort.js';
import type { DirectReads } from './direct-io.js';
import type { Heir, Side } from './side.js';

/** Of one read, and what may be unread before no more is read. */
const PIECE_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/** How many octets a message has, as far as those that have come tell: more than those while it is not whole. */
export type LengthOf = (held: Buffer) => number;

/** What ends the reading before its time, with the error that it ends with. Every AbortSignal is one. */
export interface Ending extends Abortable {
  readonly reason: unknown;
}

/** What has come and was not taken yet. Whoever feeds it hears from `push` when that is enough. */
export class OctetReader implements Heir {
  readonly #ending: Ending;
  readonly #more: () => void;
  /** Grows by doubling, and is never written to where somebody has a part of it. */
  #buffer = NOTHING;
  #start = 0;
  #end = 0;
  #isOver = false;
  #wake: (() => void) | null = null;

  /** `more`: called when there is room again. */
  constructor(ending: Ending, more: () => void) {
    this.#ending = ending;
    this.#more = more;
    ending.addEventListener('abort', this.#onNews);
  }

  /** `bytes` are copied. False: there is enough for now. */
  push(bytes: Buffer): boolean {
    if (this.#end + bytes.length > this.#buffer.length) this.#grow(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
    this.#wake?.();
    return this.#length < PIECE_BYTES;
  }

  /** No more will come. */
  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  ended(): void {
    this.end();
  }

  closed(): void {
    this.end();
  }

  /**
   * Exactly so many octets, or one whole message: at once if they have come. Rejects with EgressError `client-closed` where
   * the end comes before, or with the reason of what ended the reading.
   */
  readonly take = (wanted: number | LengthOf): Buffer | Promise<Buffer> => {
    try {
      return this.#whole(wanted) ?? this.#later(() => this.#whole(wanted));
    } catch (error) {
      return Promise.reject(error);
    }
  };

  /** What there is, at least one octet; null at the end. Rejects with the reason of what ended the reading. */
  takeSome(): Buffer | null | Promise<Buffer | null> {
    try {
      const some = this.#some();
      return some === undefined ? this.#later(() => this.#some()) : some;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Ends the reading: what was not taken. */
  release(): Buffer {
    this.#ending.removeEventListener('abort', this.#onNews);
    return this.#cut(this.#length);
  }

  /** `find` returns undefined as long as more has to come; what it throws is what the promise rejects with. */
  #later<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        try {
          const found = find();
          if (found === undefined) return this.#more();
          resolve(found);
        } catch (error) {
          reject(error);
        }
        this.#wake = null;
      };
      this.#more();
    });
  }

  #whole(wanted: number | LengthOf): Buffer | undefined {
    if (this.#ending.aborted) throw this.#ending.reason;
    const length = typeof wanted === 'number' ? wanted : wanted(this.#buffer.subarray(this.#start, this.#end));
    if (length <= this.#length) return this.#cut(length);
    if (this.#isOver) throw new EgressError('client-closed');
    return undefined;
  }

  #some(): Buffer | null | undefined {
    if (this.#ending.aborted) throw this.#ending.reason;
    if (this.#length > 0) return this.#cut(this.#length);
    return this.#isOver ? null : undefined;
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

  readonly #onNews = (): void => this.#wake?.();
}

/** Reads `socket` from now on. After `release`, somebody else has to. */
export function readOctets(socket: Socket, reads: DirectReads, ending: Ending): OctetReader {
  const reader = new OctetReader(ending, () => void socket.resume());
  const onEnd = (): void => reader.end();
  socket.once('end', onEnd).once('close', onEnd);
  return reading(reader, socket, reads);
}

/** The same of a side: whoever has it next inherits it. */
export function hearOctets(client: Side, reads: DirectReads, ending: Ending): OctetReader {
  const { socket } = client;
  const reader = new OctetReader(ending, () => void socket.resume());
  client.inherit(reader);
  return reading(reader, socket, reads);
}

function reading(reader: OctetReader, socket: Socket, reads: DirectReads): OctetReader {
  if (socket.readableEnded || socket.destroyed) reader.end();
  reads.read(socket, (bytes) => reader.push(bytes), pieceBytes);
  return reader;
}

const pieceBytes = (): number => PIECE_BYTES;
