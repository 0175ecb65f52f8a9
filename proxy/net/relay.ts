/** Moves bytes between two sockets until both directions have ended. */
import type { Socket } from 'node:net';
import type { CloseCause } from '../observe/record.js';
import { Deadline, type Deadlines, type Due } from './deadlines.js';
import type { DirectReads } from './direct-io.js';
import type { Screen, Screened } from './first-bytes.js';
import type { Claim } from './memory-budget.js';
import { Pump, type Pumping } from './pump.js';
import { report, type Side } from './side.js';

export interface RelayOptions {
  /** The tunnel is cut if nothing moves in either direction for this long, and nothing waits for a slow reader. */
  readonly idleTimeoutMs: number;
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
  readonly owner: RelayOwner;
  /** What the client sent together with the request that opened the tunnel, to be sent upstream first. */
  readonly head: Buffer;
  /** Judges the first bytes from the client; null: they pass unchecked. */
  readonly screen: Screen | null;
  /** How long it may hold them, counted from the first one: later ones do not extend this. */
  readonly screenTimeoutMs: number;
}

export interface RelayOwner {
  /** `relays`: for what waits for slow readers; `early`: for the first bytes, until they are judged. */
  claim(share: 'relays' | 'early', refuse: () => void): Claim;
  /** Both directions have ended. Called once, even before `relay` returns if both sides were gone already. */
  ended(result: RelayResult): void;
}

export interface RelayResult {
  /** Bytes read from the client; `bytesDown`: from the upstream. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly cause: CloseCause;
}

export interface Relay {
  /** Bytes read so far, in both directions together. */
  bytes(): number;
  /** The same for each direction. */
  carried(): { readonly up: number; readonly down: number };
  /** Cuts both directions now. */
  cut(cause: CloseCause): void;
}

/**
 * Takes over both sockets and never gives them back. An end in one direction is passed on and leaves the other one open
 * (half-close); an error on either side destroys both. A direction holds memory only if its reader is slower than its
 * writer: the rest of one read, until which is gone no more is read. Over the memory budget, the tunnel is cut.
 */
export function relay(client: Side, upstream: Socket, options: RelayOptions): Relay {
  return new SocketRelay(client, upstream, options);
}

/** Keeps no screen that has judged, no closure and no promise, since thousands of tunnels may be silent for hours. */
class SocketRelay implements Relay, Screened, Pumping, Due {
  readonly reads: DirectReads;
  readonly screenTimeoutMs: number;
  readonly #up: Pump;
  readonly #down: Pump;
  readonly #owner: RelayOwner;
  readonly #idle: Deadline;
  readonly #idleTimeoutMs: number;
  /** Null without a screen, and once it has judged. */
  #screen: Screen | null;
  #cause: CloseCause = 'end';
  #open = 2;

  constructor(client: Side, upstream: Socket, options: RelayOptions) {
    this.reads = options.reads;
    this.#owner = options.owner;
    this.#screen = options.screen;
    this.screenTimeoutMs = options.screenTimeoutMs;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#idle = new Deadline(options.deadlines, this);
    this.#idle.set(options.idleTimeoutMs);
    this.#up = new Pump(client.socket, upstream, this);
    this.#down = new Pump(upstream, client.socket, this);
    client.inherit(this.#up);
    report(upstream, this.#down);
    this.#look(this.#up);
    this.#look(this.#down);
    if (this.#open > 0) this.#begin(options.head);
  }

  /** Looks for a side that ended during the dial, too, since its event is not repeated. */
  #begin(head: Buffer): void {
    this.#up.carried = head.length;
    const first = head.length === 0 ? null : this.through(this.#up, head);
    if (first !== null) this.#up.to.write(first);
    if (this.#up.from.readableEnded) this.ended(this.#up);
    if (this.#down.from.readableEnded) this.ended(this.#down);
    this.#up.start();
    this.#down.start();
  }

  bytes(): number {
    return this.#up.carried + this.#down.carried;
  }

  carried(): { readonly up: number; readonly down: number } {
    return { up: this.#up.carried, down: this.#down.carried };
  }

  cut(cause: CloseCause): void {
    if (this.#cause === 'end') this.#cause = cause;
    this.#up.from.destroy();
    this.#up.to.destroy();
  }

  up(held: Buffer): void {
    this.#up.to.write(held);
  }

  claimEarly(): Claim {
    return this.#owner.claim('early', () => this.cut('busy'));
  }

  judged(): void {
    this.#screen = null;
  }

  refuse(farewell: Buffer): void {
    if (this.#cause === 'end' && this.#open > 0) this.#cause = 'refused';
    this.#down.to.end(farewell);
    this.#down.to.destroySoon();
    this.#up.to.destroy();
  }

  claim(): Claim {
    return this.#owner.claim('relays', () => this.cut('busy'));
  }

  through(pump: Pump, bytes: Buffer): Buffer | null {
    this.#idle.set(this.#idleTimeoutMs);
    if (this.#screen === null) return pump.from.destroyed && pump === this.#down ? null : bytes;
    if (pump === this.#up) return this.#screen.up(bytes, this);
    this.#screen.down(this);
    return pump.from.destroyed ? null : bytes;
  }

  ended(pump: Pump): void {
    if (pump === this.#up) this.#screen?.ended(this);
    passEnd(pump.to);
  }

  /**
   * A side that closes without an end, also if without an error, takes the other one with it. Counted once: a socket says that
   * it is closed some time before its event, until which it keeps its listeners.
   */
  closed(pump: Pump, hadError: boolean): void {
    if (pump.isClosed) return;
    pump.isClosed = true;
    if (hadError) this.cut(pump === this.#up ? 'client-reset' : 'upstream-reset');
    if (!pump.from.readableEnded) pump.to.destroy();
    this.#open -= 1;
    if (this.#open > 0) return;
    try {
      this.#screen?.ended(this);
    } finally {
      // A defect of the screen must not keep the tunnel counted: the drain would wait for it.
      this.#over();
    }
  }

  #over(): void {
    this.#idle.clear();
    this.#up.release();
    this.#down.release();
    this.#owner.ended({ bytesUp: this.#up.carried, bytesDown: this.#down.carried, cause: this.#cause });
  }

  /** A tunnel with bytes that wait for a slow reader is not idle: it is charged to the memory budget instead. */
  onLate(): void {
    const waits = this.#up.to.writableLength > 0 || this.#down.to.writableLength > 0;
    if (waits) this.#idle.set(this.#idleTimeoutMs);
    else this.cut('idle');
  }

  /** For a socket that was lost before this, since its events are not repeated. */
  #look(pump: Pump): void {
    if (pump.from.destroyed) this.cut(pump === this.#up ? 'client-reset' : 'upstream-reset');
    if (pump.from.closed) this.closed(pump, false);
  }
}

/** If `to` has ended as well and everything sent to it is written, closing it means the same with one system call less. */
function passEnd(to: Socket): void {
  if (to.readableEnded && to.writableLength === 0) to.destroy();
  else to.end();
}
