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
}

export interface Screening {
  /** What of the client's bytes goes up now, or null. */
  up(bytes: Buffer): Buffer | null;
  down(): void;
  ended(): void;
}

export interface Ways {
  up(held: Buffer): void;
  /** How much is held from now on; may refuse at once. */
  hold(octets: number): void;
  refuse(farewell: Buffer): void;
}

/** Puts a screen before the upward direction; null lets everything pass. */
export function screening(first: Screen | null, ways: Ways): Screening {
  let screen = first;
  const act = (judged: Judged): Buffer | null => {
    screen = null;
    ways.hold(0);
    if (judged.act === 'pass') return judged.bytes;
    ways.refuse(judged.farewell);
    return null;
  };
  const flush = (judged: Judged): void => {
    const held = act(judged);
    if (held !== null && held.length > 0) ways.up(held);
  };
  return {
    up(bytes) {
      if (screen === null) return bytes;
      const judged = screen.fromClient(bytes);
      if (judged.act !== 'hold') return act(judged);
      ways.hold(screen.held);
      return null;
    },
    down: () => (screen === null ? undefined : flush(screen.fromUpstream())),
    ended: () => (screen === null ? undefined : flush(screen.ended())),
  };
}
