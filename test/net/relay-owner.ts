/** Owns a relay in a test: claims from one budget, and says when both directions have ended. */
import type { MemoryBudget } from '../../proxy/net/memory-budget.js';
import type { RelayOwner, RelayResult } from '../../proxy/net/relay.js';

export function relayOwner(memory: MemoryBudget): { readonly owner: RelayOwner; readonly done: Promise<RelayResult> } {
  let ended: (result: RelayResult) => void = () => undefined;
  const done = new Promise<RelayResult>((resolve) => {
    ended = resolve;
  });
  return { owner: { claim: (share, refuse) => memory.claim(share, 'tool', refuse), ended }, done };
}
