/**
 * Which address each tool has. An address belongs to one server at a time, and goes to another one only some time after it
 * was freed, so that nobody who looks a moment late mistakes one for the other. Pure but for the clock that it is given.
 */
import { type Address, addressFromBytes, contains, type Prefix, parseAddress } from '../core/address.js';
import type { Lease } from '../core/lease.js';

/** How long a freed address is not given to other servers. */
const REST_MS = 30_000;

interface Past {
  readonly owner: string;
  readonly freedAt: number;
}

export class AddressPool {
  readonly #now: () => number;
  readonly #leases = new Map<string, Lease>();
  /** Addresses that were in use, in the order in which they became free. */
  readonly #past = new Map<string, Past>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Sorted by address, as text. */
  get leases(): readonly Lease[] {
    return [...this.#leases.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  /**
   * The next address of `range` outside `reserved`, or null if none is free. Preferred is one that this server had before,
   * then one that nobody has had, then the one that has been free for longest.
   */
  take(range: Prefix, reserved: readonly Prefix[], lease: Omit<Lease, 'address'>): Lease | null {
    const address =
      this.#formerOf(ownerOf(lease), range, reserved) ?? this.#fresh(range, reserved) ?? this.#rested(range, reserved);
    if (address === null) return null;
    const taken = { ...lease, address };
    this.restore(taken);
    return taken;
  }

  /** The container that has it; null where it is free. */
  holder(address: string): string | null {
    return this.#leases.get(address)?.container ?? null;
  }

  /** Takes back a lease from before a restart. */
  restore(lease: Lease): void {
    this.#past.delete(lease.address);
    this.#leases.set(lease.address, lease);
  }

  /** Does nothing if another container has the address by now. */
  release(lease: Lease): void {
    if (this.holder(lease.address) !== lease.container) return;
    this.#leases.delete(lease.address);
    this.#past.set(lease.address, { owner: ownerOf(lease), freedAt: this.#now() });
  }

  #formerOf(owner: string, range: Prefix, reserved: readonly Prefix[]): string | null {
    return this.#free(range, reserved).find((past) => past.owner === owner)?.text ?? null;
  }

  #rested(range: Prefix, reserved: readonly Prefix[]): string | null {
    const rested = this.#now() - REST_MS;
    return this.#free(range, reserved).find(({ freedAt }) => freedAt <= rested)?.text ?? null;
  }

  /** Addresses that were in use and are free now, the one that has been free for longest first. */
  #free(range: Prefix, reserved: readonly Prefix[]): readonly (Past & { readonly text: string })[] {
    return [...this.#past].flatMap(([text, past]) => {
      const address = parseAddress(text);
      return address !== null && isUsable(address, range, reserved) ? [{ text, ...past }] : [];
    });
  }

  #fresh(range: Prefix, reserved: readonly Prefix[]): string | null {
    const first = range.address.bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    for (let number = first; number < first + 2 ** (32 - range.bits); number++) {
      const bytes = [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255];
      const address = addressFromBytes(bytes);
      const isNew = !this.#leases.has(address.text) && !this.#past.has(address.text);
      if (isNew && isUsable(address, range, reserved)) return address.text;
    }
    return null;
  }
}

/** Includes the container's name without its random end, because two unknown servers are not one. */
function ownerOf({ server, container }: Omit<Lease, 'address'>): string {
  return `${server} ${container.replace(/-[0-9a-f]+$/, '')}`;
}

/** False for an address that ends in 0, 1 or 255, which may be the network's own, or the host's on it. */
function isUsable(address: Address, range: Prefix, reserved: readonly Prefix[]): boolean {
  const last = address.bytes[3];
  return (
    last !== undefined &&
    last > 1 &&
    last < 255 &&
    contains(range, address) &&
    !reserved.some((one) => contains(one, address))
  );
}
