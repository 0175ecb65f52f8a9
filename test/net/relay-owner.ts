/** A relay in a test: claims from one budget, and says when both directions have ended. */
import type { Socket } from 'node:net';
import type { Claim, MemoryBudget } from '../../proxy/net/memory-budget.js';
import { Relay, type RelayOptions, type RelayResult } from '../../proxy/net/relay.js';
import type { Side } from '../../proxy/net/side.js';

export interface RelayOwner {
  claim(share: 'relays' | 'early', refuse: () => void): Claim;
  ended(result: RelayResult): void;
}

export function relayOwner(memory: MemoryBudget): { readonly owner: RelayOwner; readonly done: Promise<RelayResult> } {
  let ended: (result: RelayResult) => void = () => undefined;
  const done = new Promise<RelayResult>((resolve) => {
    ended = resolve;
  });
  return { owner: { claim: (share, refuse) => memory.claim(share, 'tool', refuse), ended }, done };
}

interface OwnedOptions extends RelayOptions {
  readonly owner: RelayOwner;
  readonly head: Buffer;
}

/** Relays at once. */
export function relay(client: Side, upstream: Socket, options: OwnedOptions): void {
  new OwnedRelay(client, upstream, options);
}

class OwnedRelay extends Relay {
  readonly #owner: RelayOwner;

  constructor(client: Side, upstream: Socket, options: OwnedOptions) {
    super(client, upstream, options);
    this.#owner = options.owner;
    this.start(options.head);
  }

  claim(share: 'relays' | 'early'): Claim {
    return this.#owner.claim(share, () => this.abort('busy'));
  }

  ended(result: RelayResult): void {
    this.#owner.ended(result);
  }
}
