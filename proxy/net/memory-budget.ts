/**
 * What the process may hold for others, in bytes. Whatever a client or an origin can make grow is claimed here before it
 * counts as held; over a share, the newest and largest claim of whoever holds most of it is refused, so that one who
 * takes too much takes it from itself. The process is never ended for what somebody sent. docs/limits.md
 * derives it in words, DECISIONS 67 says why.
 */

/** What is held, and which part of the whole each kind may take. The parts sum to 1. */
export const SHARES = {
  /** Heads that are not whole, requests that wait, and what was sent after them. */
  requests: 0.25,
  /** What a client sends before its tunnel is open, and before its first bytes are judged. */
  early: 0.125,
  /** What a slow reader has not taken yet. */
  relays: 0.375,
  /** Answers of DNS: a bound of the cache, not claimed. */
  names: 0.125,
  /** Records for the page and counts of repeats, and the log's queue: bounds of their own within this. */
  records: 0.0625,
  /** Connections of the admin API: bounded by their number. */
  admin: 0.0625,
} as const;

export type Share = keyof typeof SHARES;

/** The shares that are claimed, and not bounds of a cache. */
const CLAIMED: readonly Share[] = ['requests', 'early', 'relays'];

export interface Claim {
  /** How much is held now, in place of what was said before. It may call `refuse` of this claim or of another one. */
  hold(bytes: number): void;
}

export interface MemoryBudget {
  /** Those that are claimed. */
  readonly shares: readonly Share[];
  /**
   * `owner`: on whose behalf, such as a client's address. `refuse`: gives up what is held, because the share is spent;
   * called at most once, and after it the claim holds nothing, whatever it is told. Must not throw.
   */
  claim(share: Share, owner: string, refuse: () => void): Claim;
  /** Bytes of a share: held now, and at most. */
  used(share: Share): number;
  limit(share: Share): number;
  /** How many claims were refused. */
  refused(share: Share): number;
}

/** `totalBytes`: asked for every claim, so that it may be reloaded. */
export function createMemoryBudget(totalBytes: () => number): MemoryBudget {
  const ledgers = new Map<Share, Ledger>();
  const ledgerOf = (share: Share): Ledger => {
    const ledger = ledgers.get(share) ?? new Ledger(() => totalBytes() * SHARES[share]);
    ledgers.set(share, ledger);
    return ledger;
  };
  return {
    shares: CLAIMED,
    claim: (share, owner, refuse) => new OwnClaim(ledgerOf(share), owner, refuse),
    used: (share) => ledgerOf(share).used,
    limit: (share) => totalBytes() * SHARES[share],
    refused: (share) => ledgerOf(share).refused,
  };
}

class OwnClaim implements Claim {
  readonly owner: string;
  readonly #ledger: Ledger;
  readonly #refuse: () => void;
  #bytes = 0;
  #isRefused = false;

  constructor(ledger: Ledger, owner: string, refuse: () => void) {
    this.owner = owner;
    this.#ledger = ledger;
    this.#refuse = refuse;
  }

  get bytes(): number {
    return this.#bytes;
  }

  hold(bytes: number): void {
    if (bytes === this.#bytes || this.#isRefused) return;
    const before = this.#bytes;
    this.#bytes = bytes;
    this.#ledger.changed(this, before);
  }

  refuse(): void {
    this.hold(0);
    this.#isRefused = true;
    this.#refuse();
  }
}

/** One share: who holds how much of it. */
class Ledger {
  used = 0;
  refused = 0;
  readonly #limit: () => number;
  readonly #owners = new Map<string, { bytes: number; readonly claims: Set<OwnClaim> }>();

  constructor(limit: () => number) {
    this.#limit = limit;
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
    while (more > 0 && this.used > this.#limit()) this.#refuseOne();
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
