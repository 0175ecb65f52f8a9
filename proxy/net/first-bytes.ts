/** The first bytes of a tunnel, held until somebody has judged them. */

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
  /** How much is held from now on; may refuse at once. */
  hold(octets: number): void;
  refuse(farewell: Buffer): void;
}

/** A screen before the upward direction; null lets everything pass. */
export class Screening {
  #screen: Screen | null;
  readonly #ways: Ways;

  constructor(screen: Screen | null, ways: Ways) {
    this.#screen = screen;
    this.#ways = ways;
  }

  /** What of the client's bytes goes up now, or null. */
  up(bytes: Buffer): Buffer | null {
    if (this.#screen === null) return bytes;
    const judged = this.#screen.fromClient(bytes);
    if (judged.act !== 'hold') return this.#act(judged);
    this.#ways.hold(this.#screen.held);
    return null;
  }

  down(): void {
    if (this.#screen !== null) this.#flush(this.#screen.fromUpstream());
  }

  ended(): void {
    if (this.#screen !== null) this.#flush(this.#screen.ended());
  }

  late(): void {
    if (this.#screen !== null) this.#flush(this.#screen.late());
  }

  #flush(judged: Judged): void {
    const held = this.#act(judged);
    if (held !== null && held.length > 0) this.#ways.up(held);
  }

  #act(judged: Judged): Buffer | null {
    this.#screen = null;
    this.#ways.hold(0);
    if (judged.act === 'pass') return judged.bytes;
    this.#ways.refuse(judged.farewell);
    return null;
  }
}
