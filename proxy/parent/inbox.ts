/** Reads what a parent proxy sends before its tunnel is open. */
import type { Socket } from 'node:net';
import { EgressError } from '../core/reasons.js';

/** Larger than any sensible answer to a request for a tunnel. */
const MOST_BYTES = 128 * 1024;

export class Inbox {
  readonly #socket: Socket;
  #held: Buffer = Buffer.alloc(0);
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData).on('end', this.#onOver).on('close', this.#onOver).on('error', this.#onOver);
  }

  /** What has come and was not taken, at least one octet. Rejects if the parent has gone or has sent too much. */
  async some(): Promise<Buffer> {
    while (this.#held.length === 0) await this.#news();
    return this.#cut(this.#held.length);
  }

  /** Exactly so many octets. */
  readonly take = async (length: number): Promise<Buffer> => {
    while (this.#held.length < length) await this.#news();
    return this.#cut(length);
  };

  /** Leaves the socket to its next reader, who gets first `rest`, then what was not taken, then what is still to come. */
  release(rest: Buffer): void {
    const socket = this.#socket;
    socket.off('data', this.#onData).off('end', this.#onOver).off('close', this.#onOver).off('error', this.#onOver);
    socket.pause();
    const left = Buffer.concat([rest, this.#held]);
    if (left.length > 0) socket.unshift(left);
  }

  #cut(length: number): Buffer {
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  async #news(): Promise<void> {
    if (this.#isOver || this.#held.length > MOST_BYTES) throw new EgressError('parent-unreachable');
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#held = Buffer.concat([this.#held, bytes]);
    this.#wake();
  };

  readonly #onOver = (): void => {
    this.#isOver = true;
    this.#wake();
  };
}
