/** What belongs to the proxy itself on the network: the addresses of its interfaces and the ports that it listens on. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { type Address, type Prefix, parseAddress, prefixOf } from '../core/address.js';
import type { OwnEndpoints } from '../core/policy.js';
import { isDue } from './due.js';

/** One address of an interface, and the prefix of its link. */
export interface Link {
  readonly address: Address;
  readonly prefix: Prefix;
  /** The name of the interface, without the label of an alias (`eth0:1`). */
  readonly device: string;
}

export interface OwnEndpointsSource {
  /** Read again after REFRESH_MS, since interfaces come and go with Docker networks. */
  current(): OwnEndpoints;
  /** The addresses of `current`, each with its link. */
  links(): readonly Link[];
  /** Called once for every listener, with the port it got. */
  addPort(port: number): void;
  /** True if some interface has an address in 2000::/3. */
  hasGlobalIPv6(): boolean;
}

const REFRESH_MS = 2000;

/** Addresses of this place that only the configuration and the environment know. */
export interface Place {
  /** The addresses of the host around this one. */
  readonly host: () => readonly Prefix[];
  /** Addresses that lead here although no interface has them. */
  readonly services: () => readonly Address[];
  readonly apiServer: () => Address | null;
}

/** The last answer, and what it was made from. */
interface Made {
  readonly own: OwnEndpoints;
  readonly addresses: readonly Address[];
  readonly services: readonly Address[];
}

export function createOwnEndpoints(place: Place, now: () => number = Date.now): OwnEndpointsSource {
  const ports = new Set<number>();
  let links: readonly Link[] = [];
  let addresses: readonly Address[] = [];
  let made: Made = { own: { addresses, ports, host: [] }, addresses, services: [] };
  let readAt = Number.NEGATIVE_INFINITY;
  const refresh = (): void => {
    const at = now();
    if (!isDue(readAt, at, REFRESH_MS)) return;
    readAt = at;
    links = readLinks(networkInterfaces());
    addresses = links.map(({ address }) => address);
  };
  return {
    current() {
      refresh();
      const [host, services, apiServer] = [place.host(), place.services(), place.apiServer()];
      const isSame = made.own.host === host && made.own.apiServer === apiServer;
      if (isSame && made.addresses === addresses && made.services === services) return made.own;
      made = { own: { addresses: [...addresses, ...services], ports, host, apiServer }, addresses, services };
      return made.own;
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

/** A netmask with holes is no prefix: then the link is the address alone. */
export function readLinks(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): Link[] {
  const all = Object.entries(interfaces).flatMap(([device, list = []]) => list.map((one) => ({ ...one, device })));
  return all.flatMap(({ address: text, cidr, device }) => {
    const address = parseAddress(text.split('%', 1)[0] ?? '');
    if (address === null) return [];
    const bits = cidr === null ? address.bytes.length * 8 : Number(cidr.split('/', 2)[1]);
    return { address, prefix: prefixOf(address, bits), device: device.split(':', 1)[0] ?? device };
  });
}
