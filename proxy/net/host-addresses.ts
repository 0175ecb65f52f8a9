/**
 * The addresses of the host that the proxy runs on, as seen from outside. The kernel of a container knows none of them,
 * and a public one looks like any other public address. But from the sidecar's network it leads to the host itself,
 * past any firewall that the provider has in front of it.
 */
import { readFileSync } from 'node:fs';
import type { Network } from '../config/config.js';
import type { HostAddress } from '../config/places.js';
import { type Address, addressFromBytes, type Prefix, prefixOf } from '../core/address.js';
import type { DnsName } from '../core/target.js';
import type { Resolver } from './resolver.js';

export interface HostAddressesOptions {
  readonly inForce: { readonly settings: { readonly network: Pick<Network, 'hostAddresses'> } };
  readonly resolver: Pick<Resolver, 'resolve'>;
  /** Called for a name that cannot be resolved now; its last known addresses are kept. */
  readonly onUnknown: (name: DnsName) => void;
  readonly now?: () => number;
  /** In place of /proc/net. */
  readonly routes?: string;
}

/** A dynamic address changes a few times a day. */
const NAMES_MS = 60_000;

export class HostAddresses {
  /** How many names have been resolved so far: what `current` said before has changed with each. */
  answers = 0;
  readonly #options: HostAddressesOptions;
  readonly #now: () => number;
  readonly #named = new Map<DnsName, readonly Address[]>();
  #askedAt = Number.NEGATIVE_INFINITY;
  #nextHops: readonly Address[] = [];
  /** The entries at the last call. */
  #entries: readonly HostAddress[] = [];

  constructor(options: HostAddressesOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * The addresses as last known; routes are read at once. Starts to resolve the names again, without waiting, once that is
   * NAMES_MS ago.
   */
  current(): readonly Prefix[] {
    const { hostAddresses } = this.#options.inForce.settings.network;
    const isOther = hostAddresses !== this.#entries;
    this.#entries = hostAddresses;
    // Below 0: somebody has set the clock back, and nobody knows since when.
    const age = this.#now() - this.#askedAt;
    const isDue = isOther || age < 0 || age >= NAMES_MS;
    if (hostAddresses.length > 0 && isDue) void this.refresh();
    return hostAddresses.flatMap((entry) => this.#prefixesOf(entry));
  }

  /** Resolves once every name was resolved or has failed, within the resolver's own timeout. Never rejects. */
  async refresh(): Promise<void> {
    this.#askedAt = this.#now();
    const { hostAddresses } = this.#options.inForce.settings.network;
    const names = hostAddresses.flatMap((entry) => (entry.kind === 'name' ? [entry.name] : []));
    await Promise.all(names.map((name) => this.#ask(name)));
  }

  async #ask(name: DnsName): Promise<void> {
    const { resolver, onUnknown } = this.#options;
    try {
      this.#named.set(name, await resolver.resolve(name, new AbortController().signal));
      this.answers += 1;
    } catch {
      onUnknown(name);
    }
  }

  #prefixesOf(entry: HostAddress): readonly Prefix[] {
    if (entry.kind === 'prefix') return [entry.prefix];
    const addresses = entry.kind === 'gateway' ? this.#gateways() : (this.#named.get(entry.name) ?? []);
    return addresses.map((address) => prefixOf(address, address.bytes.length * 8));
  }

  #gateways(): readonly Address[] {
    try {
      this.#nextHops = defaultNextHops(this.#options.routes ?? '/proc/net');
    } catch {
      // What was read before still counts: nobody may open all descriptors to make the proxy forget its host.
    }
    return this.#nextHops;
  }
}

/** The next hops of every default route; none if the files do not exist. Throws without a free descriptor. */
export function defaultNextHops(folder: string): Address[] {
  const rows = (file: string): string[][] => linesOf(`${folder}/${file}`).map((line) => line.trim().split(/\s+/));
  // Destination, gateway and mask as little-endian hex numbers in columns 1, 2 and 7.
  const ipv4 = rows('route')
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .map(([, , gateway = '']) => [...Buffer.from(gateway, 'hex')].reverse());
  // Destination, its length and the next hop in columns 0, 1 and 4.
  const ipv6 = rows('ipv6_route')
    .filter(([destination, length]) => destination === '0'.repeat(32) && length === '00')
    .map(([, , , , gateway = '']) => [...Buffer.from(gateway, 'hex')]);
  return [...ipv4.filter(({ length }) => length === 4), ...ipv6.filter(({ length }) => length === 16)]
    .filter((bytes) => bytes.some((byte) => byte !== 0))
    .map(addressFromBytes);
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE')) throw error;
    return [];
  }
}
