/**
 * Which address each tool has. An address goes to one server at a time, and to another one only some time after it is
 * free again, so that nobody who looks a moment late takes the one for the other. Pure but for the clock it is given.
 */
import { addressFromBytes, contains, type Prefix } from '../core/address.js';
import type { Lease } from '../core/lease.js';

/** How long a free address is kept from other servers. */
const REST_MS = 30_000;

interface Past {
  readonly server: string;
  readonly freedAt: number;
}

export class AddressPool {
  readonly #now: () => number;
  readonly #leases = new Map<string, Lease>();
  /** Of the addresses that were in use: in the order in which they became free. */
  readonly #past = new Map<string, Past>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Sorted by address, as text. */
  get leases(): readonly Lease[] {
    return [...this.#leases.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  /**
   * The next address of `range` outside of `reserved`, or null where none is free: first one that this server had
   * before, then one that nobody had, then the one that has been free for longest.
   */
  take(range: Prefix, reserved: readonly Prefix[], lease: Omit<Lease, 'address'>): Lease | null {
    const rested = this.#now() - REST_MS;
    const isTakable = (address: string): boolean => {
      const past = this.#past.get(address);
      return past === undefined || past.server === lease.server || past.freedAt <= rested;
    };
    const free = addressesOf(range, reserved).filter((one) => !this.#leases.has(one) && isTakable(one));
    const order = (address: string): number => {
      const past = this.#past.get(address);
      if (past === undefined) return 0;
      return past.server === lease.server ? -1 : past.freedAt;
    };
    const address = free.reduce<string | null>(
      (best, one) => (best === null || order(one) < order(best) ? one : best),
      null,
    );
    if (address === null) return null;
    const taken = { ...lease, address };
    this.restore(taken);
    return taken;
  }

  /** A lease of before a restart. */
  restore(lease: Lease): void {
    this.#past.delete(lease.address);
    this.#leases.set(lease.address, lease);
  }

  release(address: string): void {
    const lease = this.#leases.get(address);
    if (lease === undefined) return;
    this.#leases.delete(address);
    this.#past.set(address, { server: lease.server, freedAt: this.#now() });
  }
}

/** Without those that end in 0 or 255: they may be the network's own. */
function addressesOf(range: Prefix, reserved: readonly Prefix[]): string[] {
  const first = range.address.bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const count = 2 ** (32 - range.bits);
  return Array.from({ length: count }, (_, i) => first + i).flatMap((number) => {
    const bytes = [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255];
    const last = bytes[3];
    const address = addressFromBytes(bytes);
    const isOurs = last !== 0 && last !== 255 && !reserved.some((prefix) => contains(prefix, address));
    return isOurs ? [address.text] : [];
  });
}
