/** The first bytes of a tunnel, held until somebody has judged them. */
import { Deadline, type Deadlines, type Due } from './deadlines.js';
import type { Claim } from './memory-budget.js';

/** `bytes`: all that was held, to be sent upstream first. `farewell`: sent to the client before the tunnel is cut. */
export type Judged =
  | { readonly act: 'pass'; readonly bytes: Buffer }
  | { readonly act: 'refuse'; readonly farewell: Buffer };

/** Judges the first bytes of a tunnel once; not called any more after that. */
export interface Screen {
  /** Octets that it holds, with what it needs to read them. */
  readonly held: number;
  /** `bytes` are valid only until it returns, so it has to copy what it holds. */
  fromClient(bytes: Buffer): Judged | { readonly act: 'hold' };
  /** The upstream has sent something before the client's bytes were judged. */
  fromUpstream(): Judged;
  /** The client sends no more, or one side of the tunnel is lost. */
  ended(): Judged;
  /** The time for holding back the first bytes is over. */
  late(): Judged;
}

export interface Ways {
  up(held: Buffer): void;
  /** Made when something is held for the first time. */
  claimEarly(): Claim;
  /** The screen has judged and can be forgotten. Called before `up` or `refuse`. */
  judged(): void;
  refuse(farewell: Buffer): void;
}

export interface Patience {
  readonly deadlines: Deadlines;
  /** How long the first bytes may be held, counted from the first one. */
  readonly screenTimeoutMs: number;
}

/** Nobody knows what these bytes are. */
const UNJUDGED: Judged = { act: 'refuse', farewell: Buffer.alloc(0) };

/** Puts a screen before the upward direction of a tunnel until it has judged, and claims memory for what it holds. */
export class Screening implements Due {
  #screen: Screen | null;
  readonly #ways: Ways;
  /** Null until something is held: most tunnels are silent or open with a whole hello. */
  #deadline: Deadline | null = null;
  readonly #deadlines: Deadlines;
  readonly #timeoutMs: number;
  #claim: Claim | null = null;

  constructor(screen: Screen, ways: Ways, { deadlines, screenTimeoutMs }: Patience) {
    this.#screen = screen;
    this.#ways = ways;
    this.#deadlines = deadlines;
    this.#timeoutMs = screenTimeoutMs;
  }

  /** What goes up now, after the client has sent `bytes`; null: nothing. */
  up(bytes: Buffer): Buffer | null {
    const screen = this.#screen;
    if (screen === null) return bytes;
    const judged = this.#orClosed(() => screen.fromClient(bytes));
    if (judged.act !== 'hold') return this.#act(judged);
    this.#hold(screen.held);
    return null;
  }

  down(): void {
    const screen = this.#screen;
    if (screen !== null) this.#flush(this.#orClosed(() => screen.fromUpstream()));
  }

  ended(): void {
    const screen = this.#screen;
    if (screen !== null) this.#flush(this.#orClosed(() => screen.ended()));
  }

  onLate(): void {
    const screen = this.#screen;
    if (screen !== null) this.#flush(this.#orClosed(() => screen.late()));
  }

  /** What it judges. A tunnel whose screen has a defect is closed, since nobody has judged it. */
  #orClosed<T>(judge: () => T): T {
    try {
      return judge();
    } catch (error) {
      this.#act(UNJUDGED);
      throw error;
    }
  }

  /** May refuse at once. */
  #hold(octets: number): void {
    if (this.#deadline === null) {
      this.#deadline = new Deadline(this.#deadlines, this);
      this.#deadline.set(this.#timeoutMs);
    }
    this.#claim ??= this.#ways.claimEarly();
    this.#claim.hold(octets);
  }

  #flush(judged: Judged): void {
    const held = this.#act(judged);
    if (held !== null && held.length > 0) this.#ways.up(held);
  }

  #act(judged: Judged): Buffer | null {
    this.#screen = null;
    this.#deadline?.clear();
    this.#claim?.hold(0);
    this.#ways.judged();
    if (judged.act === 'pass') return judged.bytes;
    this.#ways.refuse(judged.farewell);
    return null;
  }
}
