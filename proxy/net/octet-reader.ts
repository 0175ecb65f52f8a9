/** Reads a connection in pieces of a wanted size; whatever follows them is kept for the next reader, within a bound. */
import type { Socket } from 'node:net';
import { EgressError } from '../core/reasons.js';
import type { DirectReads } from './direct-io.js';

/** Of one read, and what may be unread before no more is read. */
const PIECE_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/** What has come and was not taken yet. Whoever feeds it hears from `push` when that is enough. */
export class OctetReader {
  readonly #signal: AbortSignal;
  readonly #more: () => void;
  /** Grows by doubling, and is never written to where somebody has a part of it. */
  #buffer = NOTHING;
  #start = 0;
  #end = 0;
  #isOver = false;
  #wake = (): void => undefined;

  /** `more`: called when there is room again. */
  constructor(signal: AbortSignal, more: () => void) {
    this.#signal = signal;
    this.#more = more;
    signal.addEventListener('abort', this.#onNews);
  }

  /** `bytes` are copied. False: there is enough for now. */
  push(bytes: Buffer): boolean {
    if (this.#end + bytes.length > this.#buffer.length) this.#grow(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
    this.#wake();
    return this.#length < PIECE_BYTES;
  }

  /** No more will come. */
  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** Exactly so many octets. Throws EgressError `client-closed` where the end comes before, or the signal's reason. */
  readonly take = async (length: number): Promise<Buffer> => {
    while (this.#length < length) {
      if (this.#isOver) throw new EgressError('client-closed');
      await this.#news();
    }
    this.#signal.throwIfAborted();
    return this.#cut(length);
  };

  /** What there is, at least one octet; null at the end. Throws the signal's reason. */
  async takeSome(): Promise<Buffer | null> {
    while (this.#length === 0) {
      if (this.#isOver) return null;
      await this.#news();
    }
    this.#signal.throwIfAborted();
    return this.#cut(this.#length);
  }

  /** Ends the reading: what was not taken. */
  release(): Buffer {
    this.#signal.removeEventListener('abort', this.#onNews);
    return this.#cut(this.#length);
  }

  #cut(length: number): Buffer {
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

  async #news(): Promise<void> {
    this.#signal.throwIfAborted();
    this.#more();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#signal.throwIfAborted();
  }

  readonly #onNews = (): void => this.#wake();
}

/** Reads `socket` from now on. After `release`, somebody else has to. */
export function readOctets(socket: Socket, reads: DirectReads, signal: AbortSignal): OctetReader {
  const reader = new OctetReader(signal, () => void socket.resume());
  const onEnd = (): void => reader.end();
  socket.once('end', onEnd).once('close', onEnd);
  if (socket.readableEnded || socket.destroyed) onEnd();
  reads.read(
    socket,
    (bytes) => reader.push(bytes),
    () => PIECE_BYTES,
  );
  return reader;
}
