/** One connection to an origin, and the exchange that it serves at the moment. */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import type { Target } from '../core/target.js';
import type { Deadline, Deadlines } from '../net/deadlines.js';
import { type DirectReads, writeNow } from '../net/direct-io.js';
import { FAST_AFTER, SLOW_PIECE } from '../net/pump.js';

/** Hears what happens on a connection. */
export interface ConnectionUser {
  /** `bytes` are valid until the call returns. False: no more until `resume`. */
  onBytes(bytes: Buffer): boolean;
  /** What was queued is written. */
  onDrain(): void;
  /** The origin has ended its side. */
  onEnd(): void;
  /** The origin takes no more bytes. It may have answered before that: what is there to read still comes. */
  onWriteFailed(): void;
  /** The connection is gone. */
  onLost(error: Error | null): void;
  /** What its `deadline` was set for has not come. */
  onLate(): void;
}

export interface UpstreamConnectionOptions {
  readonly target: Target;
  readonly address: Address;
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
}

export class UpstreamConnection {
  /** What the connection was opened for. */
  readonly target: Target;
  readonly address: Address;
  /** True where an authentication may be bound to the connection, as NTLM and Negotiate do. */
  isBound = false;
  /** Octets of all requests so far, and of all that came back. */
  readonly crossed = { up: 0, down: 0 };
  /** For whoever is served. */
  readonly deadline: Deadline;
  readonly #socket: Socket;
  readonly #reads: DirectReads;
  #user: ConnectionUser | null = null;
  #onIdleLost: () => void = () => undefined;
  #error: Error | null = null;
  #served = 0;
  #canWrite = true;
  #hasEnded = false;
  #passed = 0;

  /** Takes over a connected socket without listeners. */
  constructor(socket: Socket, { target, address, reads, deadlines }: UpstreamConnectionOptions) {
    this.target = target;
    this.address = address;
    this.#socket = socket;
    this.#reads = reads;
    this.deadline = deadlines.of(() => this.#user?.onLate());
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.#onClose());
  }

  /** True where the connection has served before: the origin may have closed it in the meantime. */
  get isUsed(): boolean {
    return this.#served > 0;
  }

  /** True where another request can be sent. */
  get isOpen(): boolean {
    return this.#canWrite && !this.#hasEnded && !this.#socket.destroyed;
  }

  /** From now on `user` hears, until `idle` or `close`. */
  serve(user: ConnectionUser): void {
    this.#user = user;
    this.#served += 1;
    if (this.#served === 1)
      this.#reads.read(
        this.#socket,
        (bytes) => this.#onBytes(bytes),
        () => this.#readSize,
      );
    // Lost before it came here: its events are not repeated.
    if (this.#socket.destroyed) queueMicrotask(() => this.#user?.onLost(this.#error));
    else if (this.#hasEnded || this.#socket.readableEnded) queueMicrotask(() => this.#user?.onEnd());
  }

  /** Nobody is served: what comes now was not asked for and closes the connection, as its end does. `onLost`: it is closed. */
  idle(onLost: () => void): void {
    this.#user = null;
    this.#onIdleLost = onLost;
    if (this.#served === 1) this.#socket.setKeepAlive(true, PROBE_MS);
  }

  /**
   * Writes all of `bytes`: what the kernel takes at once, and of the rest a copy. False: the rest is queued, and
   * `onDrain` follows. A failure is no reason to stop reading: origins answer and close before they have read all.
   */
  write(bytes: Buffer): boolean {
    if (!this.#canWrite || this.#socket.destroyed) return true;
    this.crossed.up += bytes.length;
    let written = 0;
    try {
      written = writeNow(this.#socket, bytes);
    } catch {
      this.#canWrite = false;
      this.#user?.onWriteFailed();
      return true;
    }
    if (written === bytes.length) return true;
    this.#socket.write(Buffer.from(bytes.subarray(written)), () => this.#onWritten());
    return false;
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#user = null;
    this.#socket.destroy();
  }

  /** Gives the socket away, `rest` in front of what is still to come: it has become a tunnel. */
  release(rest: Buffer): Socket {
    this.#user = null;
    this.#socket.removeAllListeners('end').removeAllListeners('close').removeAllListeners('error');
    this.#socket.removeAllListeners('data');
    if (rest.length > 0) this.#socket.unshift(Buffer.from(rest));
    return this.#socket;
  }

  #onBytes(bytes: Buffer): boolean {
    if (this.#user === null) {
      this.#socket.destroy();
      return false;
    }
    this.#passed += bytes.length;
    this.crossed.down += bytes.length;
    const goesOn = this.#user.onBytes(bytes);
    if (!goesOn) this.#passed = 0;
    return goesOn;
  }

  /** What the client does not take is held: one small piece, until it has shown that it takes more. */
  get #readSize(): number {
    return this.#passed < FAST_AFTER ? SLOW_PIECE : Number.POSITIVE_INFINITY;
  }

  #onWritten(): void {
    if (this.#socket.writableLength === 0) this.#user?.onDrain();
  }

  #onClose(): void {
    if (this.#user === null) this.#onIdleLost();
    else this.#user.onLost(this.#error);
  }

  #onEnd(): void {
    this.#hasEnded = true;
    if (this.#user === null) this.#socket.destroy();
    else this.#user.onEnd();
  }
}

/** Linux asks again every second, and gives a silent peer up after ten of them. */
const PROBE_MS = 1000;
