/** Moves bytes between two sockets until both directions have ended. */
import type { Socket } from 'node:net';
import type { CloseCause } from '../observe/record.js';
import type { Deadline, Deadlines } from './deadlines.js';
import type { DirectReads } from './direct-io.js';
import { type Screen, Screening, type Ways } from './first-bytes.js';
import type { Claim } from './memory-budget.js';
import { Pump, type Pumping } from './pump.js';
import { PlainSide, type Side } from './side.js';

export interface RelayOptions {
  /** Without a byte in either direction for this long, and none that waits for a slow reader, the tunnel is cut. */
  readonly idleTimeoutMs: number;
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
  readonly claims: Claims;
  /** What the client sent with the request that opened the tunnel: goes up first. */
  readonly head: Buffer;
  /** Judges the first bytes from the client; null: they pass unseen. */
  readonly screen: Screen | null;
  /** How long it may hold them, from the first one on: not stretched by any that follow. */
  readonly screenTimeoutMs: number;
}

export interface Claims {
  /** `relays`: for what slow readers make the proxy hold; `early`: for the first bytes, until they are judged. */
  claim(share: 'relays' | 'early', refuse: () => void): Claim;
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
export function relay(client: Side, upstream: Socket, options: RelayOptions): Relay {
  return new SocketRelay(client, new PlainSide(upstream), options);
}

/** Keeps nothing of a screen that has judged: thousands of tunnels say nothing for hours. */
class SocketRelay implements Relay, Ways, Pumping {
  readonly done: Promise<RelayResult>;
  readonly reads: DirectReads;
  readonly #carried = { up: 0, down: 0 };
  readonly #up: Pump;
  readonly #down: Pump;
  readonly #screened: Screening;
  readonly #idle: Deadline;
  readonly #idleTimeoutMs: number;
  readonly #claims: Claims;
  readonly #deadlines: Deadlines;
  readonly #screenTimeoutMs: number;
  #early: Claim | null = null;
  #late: Deadline | null = null;
  #settle: (result: RelayResult) => void = () => undefined;
  #cause: CloseCause = 'end';
  #open = 2;

  constructor(client: Side, upstream: Side, options: RelayOptions) {
    this.reads = options.reads;
    this.#claims = options.claims;
    this.#deadlines = options.deadlines;
    this.#screenTimeoutMs = options.screenTimeoutMs;
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#screened = new Screening(options.screen, this);
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#idle = options.deadlines.of(this.#onIdle);
    this.#idle.set(options.idleTimeoutMs);
    this.#up = new Pump(client.socket, upstream.socket, this);
    this.#down = new Pump(upstream.socket, client.socket, this);
    this.#watch(client, this.#up);
    this.#watch(upstream, this.#down);
    this.#begin(options.head);
  }

  /** Also for a side that had ended before it came here, during the dial: its event is not repeated. */
  #begin(head: Buffer): void {
    const first = head.length === 0 ? null : this.through(this.#up, head);
    if (first !== null) this.#up.to.write(first);
    if (this.#up.from.readableEnded) this.ended(this.#up);
    if (this.#down.from.readableEnded) this.ended(this.#down);
    this.#up.start();
    this.#down.start();
  }

  bytes(): number {
    return this.#carried.up + this.#carried.down;
  }

  carried(): { readonly up: number; readonly down: number } {
    return this.#carried;
  }

  cut(cause: CloseCause): void {
    if (this.#cause === 'end') this.#cause = cause;
    this.#up.from.destroy();
    this.#up.to.destroy();
  }

  up(held: Buffer): void {
    this.#up.to.write(held);
  }

  hold(octets: number): void {
    if (octets === 0) this.#late?.clear();
    else this.#early ??= this.#beginHolding();
    this.#early?.hold(octets);
  }

  #beginHolding(): Claim {
    this.#late = this.#deadlines.of(() => this.#screened.late());
    this.#late.set(this.#screenTimeoutMs);
    return this.#claims.claim('early', () => this.cut('busy'));
  }

  refuse(farewell: Buffer): void {
    if (this.#cause === 'end') this.#cause = 'refused';
    this.#down.to.end(farewell);
    this.#down.to.destroySoon();
    this.#up.to.destroy();
  }

  claim(): Claim {
    return this.#claims.claim('relays', () => this.cut('busy'));
  }

  through(pump: Pump, bytes: Buffer): Buffer | null {
    this.#idle.set(this.#idleTimeoutMs);
    if (pump === this.#up) {
      this.#carried.up += bytes.length;
      return this.#screened.up(bytes);
    }
    this.#carried.down += bytes.length;
    this.#screened.down();
    return pump.from.destroyed ? null : bytes;
  }

  ended(pump: Pump): void {
    if (pump === this.#up) this.#screened.ended();
    passEnd(pump.to);
  }

  /** A side that is destroyed without an end or an error (a peer gone in between) takes the other one with it. */
  closed(pump: Pump, hadError: boolean): void {
    if (hadError) this.cut(pump === this.#up ? 'client-reset' : 'upstream-reset');
    if (!pump.from.readableEnded) pump.to.destroy();
    this.#open -= 1;
    if (this.#open > 0) return;
    this.#screened.ended();
    this.#idle.clear();
    this.#up.release();
    this.#down.release();
    const { up, down } = this.#carried;
    this.#settle({ bytesUp: up, bytesDown: down, cause: this.#cause });
  }

  /** What waits for a reader that pauses is no silence: such a tunnel costs its share of the budget, and is not ended. */
  readonly #onIdle = (): void => {
    const waits = this.#up.to.writableLength > 0 || this.#down.to.writableLength > 0;
    if (waits) this.#idle.set(this.#idleTimeoutMs);
    else this.cut('idle');
  };

  /** Also for a socket that was lost before it came here: its events are not repeated. */
  #watch(side: Side, pump: Pump): void {
    if (pump.from.destroyed) this.cut(pump === this.#up ? 'client-reset' : 'upstream-reset');
    if (pump.from.closed) this.closed(pump, false);
    else side.inherit(pump);
  }
}

/** Where `to` has ended as well and has got all that it was sent, to close it says the same, for one system call less. */
function passEnd(to: Socket): void {
  if (to.readableEnded && to.writableLength === 0) to.destroy();
  else to.end();
}
