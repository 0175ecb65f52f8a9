/** Moves bytes between two sockets until both directions have ended. */
import type { Socket } from 'node:net';
import type { CloseCause } from '../observe/record.js';
import type { Deadline, Deadlines } from './deadlines.js';
import type { DirectReads } from './direct-io.js';
import { type Screen, Screening, type Ways } from './first-bytes.js';
import type { Claim } from './memory-budget.js';
import { Pump } from './pump.js';

export interface RelayOptions {
  /** Without a byte in either direction for this long, and none that waits for a slow reader, the tunnel is cut. */
  readonly idleTimeoutMs: number;
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
  /** For what slow readers make us hold. `refuse`: cuts the tunnel. */
  readonly claim: (refuse: () => void) => Claim;
  /** For the first bytes, until they are judged. `refuse`: cuts the tunnel. */
  readonly claimEarly: (refuse: () => void) => Claim;
  /** What the client sent with the request that opened the tunnel: goes up first. */
  readonly head: Buffer;
  /** Judges the first bytes from the client; null: they pass unseen. */
  readonly screen: Screen | null;
}

export interface RelayResult {
  /** Bytes read from the client, and from the upstream. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly cause: CloseCause;
}

export interface Relay {
  readonly done: Promise<RelayResult>;
  /** Read so far, in both directions. */
  bytes(): number;
  /** The same by direction. */
  carried(): { readonly up: number; readonly down: number };
  /** Cuts both directions now. */
  cut(cause: CloseCause): void;
}

/**
 * Takes both sockets over and never gives them back. An end in one direction is passed on and leaves the other one open
 * (half-close); an error on either side destroys both. A direction holds memory only while its reader is slower than
 * its writer: the rest of one read, and no more is read until that is gone. Over the budget, the tunnel is cut.
 */
export function relay(client: Socket, upstream: Socket, options: RelayOptions): Relay {
  return new SocketRelay(client, upstream, options);
}

/** Keeps nothing of its options, nor of a screen that has judged: thousands of tunnels say nothing for hours. */
class SocketRelay implements Relay, Ways {
  readonly done: Promise<RelayResult>;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #carried = { up: 0, down: 0 };
  readonly #screened: Screening;
  readonly #idle: Deadline;
  readonly #idleTimeoutMs: number;
  readonly #claimEarly: RelayOptions['claimEarly'];
  #pumps: readonly Pump[] = [];
  #early: Claim | null = null;
  #settle: (result: RelayResult) => void = () => undefined;
  #cause: CloseCause = 'end';
  #open = 2;

  constructor(client: Socket, upstream: Socket, options: RelayOptions) {
    const { idleTimeoutMs, reads, deadlines, claim, head, screen } = options;
    this.#client = client;
    this.#upstream = upstream;
    this.#claimEarly = options.claimEarly;
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#screened = new Screening(screen, this);
    this.#idle = deadlines.of(this.#onIdle);
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#idle.set(idleTimeoutMs);
    this.#watch(client, 'client-reset', upstream);
    this.#watch(upstream, 'upstream-reset', client);
    const first = head.length === 0 ? null : this.#onUp(head);
    if (first !== null) upstream.write(first);
    onEnd(client, () => {
      this.#screened.ended();
      passEnd(upstream);
    });
    onEnd(upstream, () => passEnd(client));
    const claimed = (): Claim => claim(() => this.cut('busy'));
    this.#pumps = [
      new Pump(client, upstream, { reads, through: this.#onUp, claim: claimed }),
      new Pump(upstream, client, { reads, through: this.#onDown, claim: claimed }),
    ];
  }

  bytes(): number {
    return this.#carried.up + this.#carried.down;
  }

  carried(): { readonly up: number; readonly down: number } {
    return this.#carried;
  }

  cut(cause: CloseCause): void {
    if (this.#cause === 'end') this.#cause = cause;
    this.#client.destroy();
    this.#upstream.destroy();
  }

  up(held: Buffer): void {
    this.#upstream.write(held);
  }

  hold(octets: number): void {
    if (octets > 0) this.#early ??= this.#claimEarly(() => this.cut('busy'));
    this.#early?.hold(octets);
  }

  refuse(farewell: Buffer): void {
    if (this.#cause === 'end') this.#cause = 'refused';
    this.#client.end(farewell);
    this.#client.destroySoon();
    this.#upstream.destroy();
  }

  readonly #onUp = (bytes: Buffer): Buffer | null => {
    this.#carried.up += bytes.length;
    this.#idle.set(this.#idleTimeoutMs);
    return this.#screened.up(bytes);
  };

  readonly #onDown = (bytes: Buffer): Buffer | null => {
    this.#carried.down += bytes.length;
    this.#idle.set(this.#idleTimeoutMs);
    this.#screened.down();
    return this.#upstream.destroyed ? null : bytes;
  };

  /** What waits for a reader that pauses is no silence: such a tunnel costs its share of the budget, and is not ended. */
  readonly #onIdle = (): void => {
    if (this.#client.writableLength > 0 || this.#upstream.writableLength > 0) this.#idle.set(this.#idleTimeoutMs);
    else this.cut('idle');
  };

  /** Also for a socket that was lost before it came here: its events are not repeated. */
  #watch(socket: Socket, loss: CloseCause, other: Socket): void {
    socket.on('error', () => this.cut(loss));
    if (socket.destroyed) this.cut(loss);
    if (socket.closed) this.#onClose(socket, other);
    else socket.on('close', () => this.#onClose(socket, other));
  }

  /** A side that is destroyed without an end or an error (a peer gone in between) takes the other one with it. */
  #onClose(socket: Socket, other: Socket): void {
    if (!socket.readableEnded) other.destroy();
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#screened.ended();
    this.#idle.clear();
    for (const pump of this.#pumps) pump.release();
    const { up, down } = this.#carried;
    this.#settle({ bytesUp: up, bytesDown: down, cause: this.#cause });
  }
}

/** Also for a side that had ended before it came here, while we were dialling: its event is not repeated. */
function onEnd(socket: Socket, then: () => void): void {
  if (socket.readableEnded) then();
  else socket.on('end', then);
}

/** Where `to` has ended as well and has got all that it was sent, to close it says the same, for one system call less. */
function passEnd(to: Socket): void {
  if (to.readableEnded && to.writableLength === 0) to.destroy();
  else to.end();
}
