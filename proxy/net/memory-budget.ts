/**
 * How many bytes the process may hold for others, so that nothing that is sent to it can exhaust its memory. Whatever a
 * client or an origin can make grow is claimed here. Over a share, the newest of the largest claims of whoever holds most
 * of it is refused: who takes too much takes it from itself. docs/limits.md derives the figures, DECISIONS 67 says why.
 */

import type { LimitsInForce } from '../config/config.js';

/** The kinds of what is held, and the part of the whole that each may take. The parts sum to 1. */
export const SHARES = {
  /** Incomplete heads, waiting requests, and what was sent after them. */
  requests: 0.25,
  /** What a client sends before its tunnel is open, and before its first bytes are judged. */
  early: 0.125,
  /** What slow readers have not taken yet. */
  relays: 0.375,
  /** DNS answers: not claimed, but bounded by their cache. */
  names: 0.125,
  /** Records for the page, counts of repeats, and the log's queue: not claimed, but each with a bound within this share. */
  records: 0.0625,
  /** Connections of the admin API: not claimed, but bounded in number. */
  admin: 0.0625,
} as const;

/** What a connection may hold of a head, and after that of early data, without a claim: limits.connections bounds the sum. */
export const UNCLAIMED_BYTES = 4096;

/** The shares that are claimed; the others are bounds kept elsewhere. */
export type Share = 'requests' | 'early' | 'relays';
const CLAIMED: readonly Share[] = ['requests', 'early', 'relays'];

export interface Claim {
  /** Sets how much is held now, in place of what was set before. May call `refuse` of this claim or of another one. */
  hold(bytes: number): void;
}

export interface MemoryBudget {
  /** The shares that are claimed. */
  readonly shares: readonly Share[];
  /**
   * `owner`: on whose behalf, such as a client's address. `refuse`: gives up what is held, because the share is exhausted.
   * It is called at most once and must not throw; from then on the claim holds nothing, whatever is set.
   */
  claim(share: Share, owner: string, refuse: () => void): Claim;
  /** The bytes of a share that are held now; `limit`: that may be. */
  used(share: Share): number;
  limit(share: Share): number;
  /** How many claims were refused. */
  refused(share: Share): number;
}

/** The limit is read for every claim, since a reload can change it. */
export function createMemoryBudget(inForce: LimitsInForce<'memoryBytes'>): MemoryBudget {
  const ledgers = {
    requests: new Ledger(inForce, SHARES.requests),
    early: new Ledger(inForce, SHARES.early),
    relays: new Ledger(inForce, SHARES.relays),
  };
  return {
    shares: CLAIMED,
    claim: (share, owner, refuse) => new OwnClaim(ledgers[share], owner, refuse),
    used: (share) => ledgers[share].used,
    limit: (share) => inForce.settings.limits.memoryBytes * SHARES[share],
    refused: (share) => ledgers[share].refused,
  };
}

class OwnClaim implements Claim {
  readonly owner: string;
  /** How much it holds. Only its ledger reads it. */
  bytes = 0;
  readonly #ledger: Ledger;
  readonly #refuse: () => void;
  #isRefused = false;

  constructor(ledger: Ledger, owner: string, refuse: () => void) {
    this.owner = owner;
    this.#ledger = ledger;
    this.#refuse = refuse;
  }

  hold(bytes: number): void {
    if (bytes === this.bytes || this.#isRefused) return;
    const before = this.bytes;
    this.bytes = bytes;
    this.#ledger.changed(this, before);
  }

  refuse(): void {
    this.hold(0);
    this.#isRefused = true;
    this.#refuse();
  }
}

/** Who holds how much of one share. */
class Ledger {
  used = 0;
  refused = 0;
  readonly #inForce: LimitsInForce<'memoryBytes'>;
  readonly #part: number;
  readonly #owners = new Map<string, { bytes: number; readonly claims: Set<OwnClaim> }>();

  /** `part`: of the whole. */
  constructor(inForce: LimitsInForce<'memoryBytes'>, part: number) {
    this.#inForce = inForce;
    this.#part = part;
  }

  changed(claim: OwnClaim, before: number): void {
    const owner = this.#owners.get(claim.owner) ?? { bytes: 0, claims: new Set() };
    const more = claim.bytes - before;
    owner.bytes += more;
    this.used += more;
    if (claim.bytes === 0) owner.claims.delete(claim);
    else owner.claims.add(claim);
    if (owner.claims.size === 0) this.#owners.delete(claim.owner);
    else this.#owners.set(claim.owner, owner);
    const most = this.#inForce.settings.limits.memoryBytes * this.#part;
    while (more > 0 && this.used > most) this.#refuseOne();
  }

  /** The newest of the largest claims of the owner that holds most. */
  #refuseOne(): void {
    let most: { readonly bytes: number; readonly claims: ReadonlySet<OwnClaim> } = { bytes: 0, claims: new Set() };
    for (const owner of this.#owners.values()) if (owner.bytes > most.bytes) most = owner;
    let largest: OwnClaim | null = null;
    for (const claim of most.claims) if (claim.bytes >= (largest?.bytes ?? 0)) largest = claim;
    if (largest === null) return;
    this.refused += 1;
    largest.refuse();
  }
}
