/** What the first bytes of a tunnel pass until somebody has judged them. */
import type { Claim } from './memory-budget.js';

/** Judges the first bytes of a tunnel once; not called any more after that. What it throws, it throws after it has refused. */
export interface Screen {
  /** What goes up now, after the client has sent `bytes`; null: nothing. They are valid only until it returns. */
  up(bytes: Buffer, tunnel: Screened): Buffer | null;
  /** The upstream has sent something before the client's bytes were judged. */
  down(tunnel: Screened): void;
  /** The client sends no more, or one side of the tunnel is lost. */
  ended(tunnel: Screened): void;
}

/** The tunnel. */
export interface Screened {
  /** How long the first bytes may be held, counted from the first one. */
  readonly screenTimeoutMs: number;
  /** Made when something is held for the first time. */
  claimEarly(): Claim;
  /** The screen has judged and can be forgotten. Called before anything is let through or refused. */
  judged(): void;
  /** Sends what was held. */
  up(held: Buffer): void;
  /** `farewell`: sent to the client before the tunnel is cut. */
  refuse(farewell: Buffer): void;
}
