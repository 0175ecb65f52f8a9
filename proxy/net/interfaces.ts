/** What of the network is the proxy itself: the addresses of its interfaces and the ports it listens on. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { type Address, type Prefix, parseAddress, prefixOf } from '../core/address.js';
import type { OwnEndpoints } from '../core/policy.js';

/** One address of an interface, and the prefix of its link. */
export interface Link {
  readonly address: Address;
  readonly prefix: Prefix;
}

export interface OwnEndpointsSource {
  /** Interfaces come and go with Docker networks: read anew after REFRESH_MS. */
  current(): OwnEndpoints;
  /** The addresses of `current`, each with its link. */
  links(): readonly Link[];
  /** Called once for every listener, with the port it got. */
  addPort(port: number): void;
  /** True where some interface has an address in 2000::/3. */
  hasGlobalIPv6(): boolean;
}

const REFRESH_MS = 2000;

/** `host`: the addresses of the host around this one. */
export function createOwnEndpoints(
  host: () => readonly Prefix[] = () => [],
  now: () => number = Date.now,
): OwnEndpointsSource {
  const ports = new Set<number>();
  let links: readonly Link[] = [];
  let addresses: readonly Address[] = [];
  let own: OwnEndpoints = { addresses, ports, host: [] };
  let readAt = Number.NEGATIVE_INFINITY;
  const refresh = (): void => {
    const at = now();
    if (at - readAt < REFRESH_MS) return;
    readAt = at;
    links = readLinks(networkInterfaces());
    addresses = links.map(({ address }) => address);
  };
  return {
    current() {
      refresh();
      const around = host();
      if (own.host !== around || own.addresses !== addresses) own = { addresses, ports, host: around };
      return own;
    },
    links() {
      refresh();
      return links;
    },
    addPort: (port) => ports.add(port),
    hasGlobalIPv6() {
      refresh();
      return addresses.some(({ family, bytes }) => family === 6 && (bytes[0] ?? 0) >> 5 === 1);
    },
  };
}

/** A netmask with holes names no prefix: then the address stands for itself alone. */
export function readLinks(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): Link[] {
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  return all.flatMap(({ address: text, cidr }) => {
    const address = parseAddress(text.split('%', 1)[0] ?? '');
    if (address === null) return [];
    const bits = cidr === null ? address.bytes.length * 8 : Number(cidr.split('/', 2)[1]);
    return { address, prefix: prefixOf(address, bits) };
  });
}
