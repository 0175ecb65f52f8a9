/** The first bytes of a tunnel, held until somebody has judged them. */
import type { Deadline, Deadlines, Due } from './deadlines.js';
import type { Claim } from './memory-budget.js';

/** `bytes`: all that was held, to go up before anything else. `farewell`: for the client, before the tunnel is cut. */
export type Judged =
  | { readonly act: 'pass'; readonly bytes: Buffer }
  | { readonly act: 'refuse'; readonly farewell: Buffer };

/** Asked until it has judged, and never after. */
export interface Screen {
  /** Octets that it holds, with what it needs to read them. */
  readonly held: number;
  /** `bytes` are valid until it returns: what is held is copied. */
  fromClient(bytes: Buffer): Judged | { readonly act: 'hold' };
  /** The upstream speaks, and the client's bytes are not judged yet. */
  fromUpstream(): Judged;
  /** The client sends no more, or a side is lost. */
  ended(): Judged;
  /** What is held has been waited for long enough. */
  late(): Judged;
}

export interface Ways {
  up(held: Buffer): void;
  /** Made when something is held for the first time. */
  claimEarly(): Claim;
  /** The screen lets everything pass from now on, and can be forgotten. Before `up` and `refuse`. */
  judged(): void;
  refuse(farewell: Buffer): void;
}

export interface Patience {
  readonly deadlines: Deadlines;
  /** How long the first bytes may be held, from the first one on. */
  readonly screenTimeoutMs: number;
}

/** A screen before the upward direction, with what it holds, until it has judged. */
export class Screening implements Due {
  #screen: Screen | null;
  readonly #ways: Ways;
  readonly #deadline: Deadline;
  readonly #timeoutMs: number;
  #claim: Claim | null = null;

  constructor(screen: Screen, ways: Ways, { deadlines, screenTimeoutMs }: Patience) {
    this.#screen = screen;
    this.#ways = ways;
    this.#deadline = deadlines.for(this);
    this.#timeoutMs = screenTimeoutMs;
  }

  /** What of the client's bytes goes up now, or null. */
  up(bytes: Buffer): Buffer | null {
    if (this.#screen === null) return bytes;
    const judged = this.#screen.fromClient(bytes);
    if (judged.act !== 'hold') return this.#act(judged);
    this.#hold(this.#screen.held);
    return null;
  }

  down(): void {
    if (this.#screen !== null) this.#flush(this.#screen.fromUpstream());
  }

  ended(): void {
    if (this.#screen !== null) this.#flush(this.#screen.ended());
  }

  onLate(): void {
    if (this.#screen !== null) this.#flush(this.#screen.late());
  }

  /** May refuse at once. */
  #hold(octets: number): void {
    if (this.#claim === null) this.#deadline.set(this.#timeoutMs);
    this.#claim ??= this.#ways.claimEarly();
    this.#claim.hold(octets);
  }

  #flush(judged: Judged): void {
    const held = this.#act(judged);
    if (held !== null && held.length > 0) this.#ways.up(held);
  }

  #act(judged: Judged): Buffer | null {
    this.#screen = null;
    this.#deadline.clear();
    this.#claim?.hold(0);
    this.#ways.judged();
    if (judged.act === 'pass') return judged.bytes;
    this.#ways.refuse(judged.farewell);
    return null;
  }
}
