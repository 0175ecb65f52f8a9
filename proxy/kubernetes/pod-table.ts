/** The pods of one namespace by their addresses. */
import type { Pod } from './pod.js';

/** A pod that has the address. `client` null: it belongs to no client, and so the address to none either. */
export interface Claim {
  readonly uid: string;
  readonly addresses: readonly string[];
  readonly client: string | null;
}

export class PodTable {
  readonly #byName = new Map<string, Claim>();
  readonly #byAddress = new Map<string, readonly Claim[]>();

  /** How many pods have an address. */
  get size(): number {
    return this.#byName.size;
  }

  /** Replaces the pod that had this name. */
  put({ name, uid, addresses }: Pod, client: string | null): void {
    this.#withdraw(name);
    if (addresses.length === 0) return;
    const claim = { uid, addresses, client };
    this.#byName.set(name, claim);
    for (const address of addresses) this.#byAddress.set(address, [...this.claims(address), claim]);
  }

  /** Does not remove a later pod of the same name. */
  remove({ name, uid }: Pod): void {
    if (this.#byName.get(name)?.uid === uid) this.#withdraw(name);
  }

  claims(address: string): readonly Claim[] {
    return this.#byAddress.get(address) ?? NONE;
  }

  #withdraw(name: string): void {
    const claim = this.#byName.get(name);
    if (claim === undefined) return;
    this.#byName.delete(name);
    for (const address of claim.addresses) {
      const others = this.claims(address).filter((one) => one !== claim);
      if (others.length > 0) this.#byAddress.set(address, others);
      else this.#byAddress.delete(address);
    }
  }
}

const NONE: readonly Claim[] = Object.freeze([]);
