/** One connection to an origin, and the exchange that it currently serves. */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import type { ClientIdentity } from '../core/policy.js';
import type { Target } from '../core/target.js';
import { Deadline, type Deadlines, type Due } from '../net/deadlines.js';
import { type DirectReads, type ReadSize, type Taker, writeNow } from '../net/direct-io.js';
import { FAST_AFTER } from '../net/relay.js';
import { ResponseHeadReader } from './response-head.js';

/** Hears what happens on a connection. */
export interface ConnectionUser {
  /** `bytes` are valid until the call returns. False: no more until `resume`. */
  onBytes(bytes: Buffer): boolean;
  /** What was queued is written. */
  onDrain(): void;
  /** The origin has ended its side. */
  onEnd(): void;
  /** The origin takes no more bytes. It may have answered before that: what is left to read still arrives. */
  onWriteFailed(): void;
  /** The connection is gone. */
  onLost(error: Error | null): void;
  /** The connection's `deadline` has passed. */
  onLate(): void;
}

/** Whoever keeps a connection that serves nobody. */
export interface Keeper {
  /** It is closed. */
  onIdleLost(connection: UpstreamConnection): void;
}

export interface UpstreamConnectionOptions {
  readonly target: Target;
  readonly address: Address;
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
}

export class UpstreamConnection implements Taker, Due {
  /** What the connection was opened for. */
  readonly target: Target;
  readonly address: Address;
  /** True if an authentication may be bound to the connection, as with NTLM and Negotiate. */
  isBound = false;
  /** True once the connection has served: the origin may have closed it since. */
  isUsed = false;
  /** Octets sent and received since it was opened or last idle. */
  up = 0;
  down = 0;
  /** Reads the heads of all its responses. */
  readonly heads = new ResponseHeadReader();
  /** For the current user. */
  readonly deadline: Deadline;
  /** What its keeper notes while it is idle: for whom, in which list, since and until when (performance.now()), and its neighbours. */
  client: ClientIdentity = NOBODY;
  list: UpstreamConnection[] | null = null;
  since = 0;
  until = 0;
  before: UpstreamConnection | null = null;
  behind: UpstreamConnection | null = null;
  readonly #socket: Socket;
  readonly #reads: DirectReads;
  #user: ConnectionUser | null = null;
  #keeper: Keeper | null = null;
  #error: Error | null = null;
  #canWrite = true;
  #hasEnded = false;
  /** What the client does not take has to be held, so it gets one small piece at a time until it has shown that it takes more. */
  most: ReadSize = 'large';
  /** Octets received since the user last took less than came. */
  #passed = 0;

  /** Takes over a connected socket without listeners. */
  constructor(socket: Socket, { target, address, reads, deadlines }: UpstreamConnectionOptions) {
    this.target = target;
    this.address = address;
    this.#socket = socket;
    this.#reads = reads;
    this.deadline = new Deadline(deadlines, this);
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.#onClose());
  }

  /** True if another request can be sent. */
  get isOpen(): boolean {
    return this.#canWrite && !this.#hasEnded && !this.#socket.destroyed;
  }

  /** From now on events go to `user`, until `idle` or `close`. */
  serve(user: ConnectionUser): void {
    this.#user = user;
    if (!this.isUsed) this.#reads.readInto(this.#socket, this);
    this.isUsed = true;
    // It was lost before it came here: its events are not repeated.
    if (this.#socket.destroyed) queueMicrotask(() => this.#user?.onLost(this.#error));
    else if (this.#hasEnded || this.#socket.readableEnded) queueMicrotask(() => this.#user?.onEnd());
  }

  /** Nobody is served: bytes that arrive now were not asked for and close the connection, as its end does. */
  idle(keeper: Keeper): void {
    this.#user = null;
    this.up = 0;
    this.down = 0;
    if (this.#keeper === null) this.#socket.setKeepAlive(true, PROBE_MS);
    this.#keeper = keeper;
  }

  /**
   * Writes all of `bytes` (a text is latin1): what the kernel takes at once, and a copy of the rest. False: the rest is queued, and
   * `onDrain` follows. A failure is no reason to stop reading: origins answer and close before they have read all.
   */
  write(bytes: Buffer | string): boolean {
    if (!this.#canWrite || this.#socket.destroyed) return true;
    this.up += bytes.length;
    let written = 0;
    try {
      written = writeNow(this.#socket, bytes);
    } catch {
      this.#canWrite = false;
      this.#user?.onWriteFailed();
      return true;
    }
    if (written === bytes.length) return true;
    const rest = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes);
    this.#socket.write(rest.subarray(written), () => this.#onWritten());
    return false;
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#user = null;
    this.#socket.destroy();
  }

  /** Hands the socket over, with `rest` before what is still to come: it has become a tunnel. */
  release(rest: Buffer): Socket {
    this.#user = null;
    this.#socket.removeAllListeners('end').removeAllListeners('close').removeAllListeners('error');
    this.#socket.removeAllListeners('data');
    if (rest.length > 0) this.#socket.unshift(Buffer.from(rest));
    return this.#socket;
  }

  /** The next bytes from the origin. After a defect nobody knows how far the answer is read: the connection is lost, as its user hears. */
  take(bytes: Buffer): boolean {
    if (this.#user === null) {
      this.#socket.destroy();
      return false;
    }
    this.#passed += bytes.length;
    this.down += bytes.length;
    try {
      const goesOn = this.#user.onBytes(bytes);
      if (!goesOn) this.#passed = 0;
      this.most = this.#passed < FAST_AFTER ? 'large' : 'whole';
      return goesOn;
    } catch (error) {
      this.#socket.destroy(new Error('a defect while reading', { cause: error }));
      throw error;
    }
  }

  onLate(): void {
    this.#user?.onLate();
  }

  #onWritten(): void {
    if (this.#socket.writableLength === 0) this.#user?.onDrain();
  }

  #onClose(): void {
    if (this.#user === null) this.#keeper?.onIdleLost(this);
    else this.#user.onLost(this.#error);
  }

  #onEnd(): void {
    this.#hasEnded = true;
    if (this.#user === null) this.#socket.destroy();
    else this.#user.onEnd();
  }
}

const NOBODY: ClientIdentity = { name: null };
/** Linux repeats a keep-alive probe every second, and gives up a silent peer after ten. */
const PROBE_MS = 1000;
