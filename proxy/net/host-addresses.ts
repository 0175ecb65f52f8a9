/**
 * The addresses of the host that the proxy runs on, as seen from outside. The kernel of a container knows none of them,
 * and a public one looks like any other public address. But from the sidecar's network it leads to the host itself,
 * past any firewall that the provider has in front of it.
 */
import { readFileSync } from 'node:fs';
import type { HostAddress } from '../config/places.js';
import { type Address, addressFromBytes, type Prefix, prefixOf } from '../core/address.js';
import type { DnsName } from '../core/host-pattern.js';
import { isDue } from './due.js';
import type { Resolver } from './resolver.js';

export interface HostAddresses {
  /** The addresses as last known. Starts to resolve the names again, without waiting, once that is NAMES_MS ago. */
  current(): readonly Prefix[];
  /** Resolves once every name was resolved or has failed, within the resolver's own timeout. Never rejects. */
  refresh(): Promise<void>;
}

export interface HostAddressesOptions {
  readonly entries: () => readonly HostAddress[];
  readonly resolver: Pick<Resolver, 'resolve'>;
  /** Called for a name that cannot be resolved now; its last known addresses are kept. */
  readonly onUnknown: (name: DnsName) => void;
  readonly now?: () => number;
  /** In place of /proc/net. */
  readonly routes?: string;
}

/** A dynamic address changes a few times a day. */
const NAMES_MS = 60_000;
/** Routes, like interfaces, come and go with Docker networks. */
const ROUTES_MS = 2000;

export function createHostAddresses(options: HostAddressesOptions): HostAddresses {
  const { entries, resolver, now = Date.now, routes = '/proc/net' } = options;
  const named = new Map<DnsName, readonly Address[]>();
  const state = { askedAt: Number.NEGATIVE_INFINITY, readAt: Number.NEGATIVE_INFINITY };
  let known: { of: readonly HostAddress[]; prefixes: readonly Prefix[] } = { of: [], prefixes: [] };
  const ask = async (name: DnsName): Promise<void> => {
    try {
      named.set(name, await resolver.resolve(name, new AbortController().signal));
      state.readAt = Number.NEGATIVE_INFINITY;
    } catch {
      options.onUnknown(name);
    }
  };
  const refresh = async (): Promise<void> => {
    state.askedAt = now();
    const names = entries().flatMap((entry) => (entry.kind === 'name' ? [entry.name] : []));
    await Promise.all(names.map(ask));
  };
  const prefixesOf = (entry: HostAddress): readonly Prefix[] => {
    if (entry.kind === 'prefix') return [entry.prefix];
    const addresses = entry.kind === 'gateway' ? defaultNextHops(routes) : (named.get(entry.name) ?? []);
    return addresses.map((address) => prefixOf(address, address.bytes.length * 8));
  };
  return {
    refresh,
    current() {
      const wanted = entries();
      const isOther = wanted !== known.of;
      if (wanted.length > 0 && (isOther || isDue(state.askedAt, now(), NAMES_MS))) void refresh();
      if (isOther || isDue(state.readAt, now(), ROUTES_MS)) {
        state.readAt = now();
        known = { of: wanted, prefixes: wanted.flatMap(prefixesOf) };
      }
      return known.prefixes;
    },
  };
}

/** The next hops of every default route; none if the files do not exist. */
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
  } catch {
    return [];
  }
}
