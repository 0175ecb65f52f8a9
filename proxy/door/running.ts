/** What is under way at the doors, and how it ends when the process has to: the drain. */
import type { Socket } from 'node:net';
import type { Reason } from '../core/reasons.js';
import { OpenSet, type Placed } from '../net/open-set.js';
import type { CloseCause, Door } from '../observe/record.js';
import type { Judged } from './standings.js';

/** A tunnel without a byte for this long is idle: its client keeps it for later, and can open another one then. */
const IDLE_TUNNEL_MS = 2000;
/** The same for a fixed relay, whose MCP client waits for events and will reconnect to the next process. */
const IDLE_RELAY_MS = 1000;
/** How long a relay that still carries bytes may go on once nothing else runs. */
const BUSY_RELAY_MS = 6000;
/** New relay connections are accepted for at least this long, if there were any. */
const LINGER_RELAY_MS = 500;
/** How often the drain looks at what has moved: nothing is recorded per byte. */
const LOOK_MS = 250;

/** A tunnel, as the drain sees it. */
export interface Watched extends Judged, Placed<Watched> {
  readonly upward: { readonly carried: number };
  readonly downward: { readonly carried: number };
  /** How many octets it had carried at the last look, and since when. */
  seen: number;
  since: number;
  abort(cause: CloseCause): void;
}

/** A request under way. */
export interface Work extends Placed<Work> {
  readonly socket: Socket;
}

/**
 * Ordinary work may run to its end, except idle tunnels. Fixed relays accept new connections as long as ordinary
 * work lasts, since their clients have nowhere else to go, and end after it: neither holds up the next process.
 */
export class Running {
  /** True from the first moment of the drain. Set here alone, as it is read for every request. */
  isDraining = false;
  /** Requests, until they have ended or opened a tunnel, and tunnels. */
  readonly ordinary = new UnderWay();
  readonly #relays = new UnderWay();
  readonly #onDefect: (error: unknown) => void;
  #endsSoon = false;
  #hadRelays = false;
  #takesRelays = true;
  #isCut = false;

  constructor(onDefect: (error: unknown) => void) {
    this.#onDefect = onDefect;
  }

  get openTunnels(): number {
    return this.ordinary.tunnels.size + this.#relays.tunnels.size;
  }

  tunnels(): readonly Watched[] {
    return [...this.ordinary.tunnels.all(), ...this.#relays.tunnels.all()];
  }

  /** What the open tunnels have carried so far. */
  get openTunnelBytes(): { readonly up: number; readonly down: number } {
    const sum = { up: 0, down: 0 };
    for (const { upward, downward } of this.tunnels()) {
      sum.up += upward.carried;
      sum.down += downward.carried;
    }
    return sum;
  }

  /** Reasons to take no new request at all, or null. `isBusy`: its connection is over a limit. */
  turnsAway(isBusy: boolean): Reason | null {
    if (this.isDraining) return 'draining';
    return isBusy ? 'busy' : null;
  }

  /** The drain is near: connections no longer persist between requests, so that clients open their next one elsewhere. */
  endSoon(): void {
    this.#endsSoon = true;
  }

  /** True while a connection may be kept for another request. */
  get mayPersist(): boolean {
    return !this.#endsSoon && !this.isDraining;
  }

  /** True once what did not end in time has been cut. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** False once the drain has reached the fixed relays. */
  get takesRelays(): boolean {
    return this.#takesRelays;
  }

  /** Counts a request until its end or its open tunnel. A defect costs its own client the connection, nobody else. */
  track(socket: Socket, work: Promise<void>): void {
    this.#follow(this.ordinary, socket, work);
  }

  /** The same for a connection to a fixed relay. */
  trackRelay(socket: Socket, work: Promise<void>): void {
    this.#hadRelays = true;
    this.#follow(this.#relays, socket, work);
  }

  /** Counts a tunnel until it is `closed` where it is counted. `door`: the one it came through. */
  opened(tunnel: Watched, door: Door): UnderWay {
    const all = door === 'relay' ? this.#relays : this.ordinary;
    all.tunnels.add(tunnel);
    return all;
  }

  /** Resolves when everything has ended; `cut` ends it sooner. */
  async drain(): Promise<void> {
    this.isDraining = true;
    const looking = setInterval(() => {
      cutIdle(this.ordinary.tunnels, IDLE_TUNNEL_MS);
      look(this.#relays.tunnels);
    }, LOOK_MS);
    await this.ordinary.empty();
    clearInterval(looking);
    await this.#endRelays();
    await this.#relays.empty();
  }

  /** Ends the tunnels, and the connections of all other requests under way. */
  cut(cause: CloseCause): void {
    this.#isCut = true;
    this.#takesRelays = false;
    for (const tunnel of this.tunnels()) tunnel.abort(cause);
    for (const requests of [this.ordinary, this.#relays]) for (const { socket } of requests) socket.destroy();
  }

  async #endRelays(): Promise<void> {
    const startedAt = performance.now();
    const elapsed = (): number => performance.now() - startedAt;
    // A connection that is still being opened is not a relay yet, and one that comes now has nowhere else to go.
    const lingers = (): boolean => this.#hadRelays && elapsed() < LINGER_RELAY_MS;
    while ((!this.#relays.isEmpty && elapsed() < BUSY_RELAY_MS) || lingers()) {
      cutIdle(this.#relays.tunnels, IDLE_RELAY_MS);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    this.#takesRelays = false;
    for (const tunnel of this.#relays.tunnels) tunnel.abort('drain');
  }

  #follow(all: UnderWay, socket: Socket, done: Promise<void>): void {
    const work: Work = { socket, before: null, behind: null };
    all.add(work);
    const leave = (): void => all.leave(work);
    done.then(leave, (error: unknown) => {
      leave();
      this.#onDefect(error);
      socket.destroy();
    });
  }
}

/** Requests, each until it leaves, and beside them tunnels. */
export class UnderWay extends OpenSet<Work> {
  readonly tunnels = new OpenSet<Watched>();
  readonly #whenEmpty: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.size === 0 && this.tunnels.size === 0;
  }

  /** Of one that is not counted, or not any more, nothing changes. */
  leave(work: Work): void {
    this.delete(work);
    if (this.#whenEmpty.length > 0) this.#tell();
  }

  closed(tunnel: Watched): void {
    this.tunnels.delete(tunnel);
    if (this.#whenEmpty.length > 0) this.#tell();
  }

  #tell(): void {
    if (this.isEmpty) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  async empty(): Promise<void> {
    while (!this.isEmpty) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }
}

/** Notes what has moved since the last look. */
function look(all: OpenSet<Watched>): void {
  const now = performance.now();
  for (const one of all) {
    const carried = one.upward.carried + one.downward.carried;
    if (carried === one.seen) continue;
    one.seen = carried;
    one.since = now;
  }
}

function cutIdle(all: OpenSet<Watched>, idleMs: number): void {
  const now = performance.now();
  look(all);
  for (const one of all) if (now - one.since >= idleMs) one.abort('drain');
}
