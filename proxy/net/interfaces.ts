/** What belongs to the proxy itself on the network: the addresses of its interfaces and the ports that it listens on. */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Network } from '../config/config.js';
import { type Address, type Prefix, parseAddress, prefixOf } from '../core/address.js';
import type { OwnEndpoints } from '../core/policy.js';
import type { HostAddresses } from './host-addresses.js';

/** One address of an interface, and the prefix of its link. */
export interface Link {
  readonly address: Address;
  readonly prefix: Prefix;
  /** The name of the interface, without the label of an alias (`eth0:1`). */
  readonly device: string;
}

export interface OwnEndpointsSource {
  /** One object until what it says is read again: after REFRESH_MS, since interfaces come and go with Docker networks. */
  current(): OwnEndpoints;
  /** The addresses of the interfaces, each with its link. */
  links(): readonly Link[];
  /** Called once for every listener, with the port it got. */
  addPort(port: number): void;
  /** True if some interface has an address in 2000::/3. */
  hasGlobalIPv6(): boolean;
}

const REFRESH_MS = 2000;

/** What only the configuration and the environment know of this place. */
export interface Place {
  /** The addresses of the host around this one. */
  readonly host: Pick<HostAddresses, 'current' | 'answers'>;
  /** Addresses that lead here although no interface has them, and the API server. */
  readonly inForce: { readonly settings: { readonly network: PlaceSettings } };
}

type PlaceSettings = Pick<Network, 'services' | 'apiServer'>;

export function createOwnEndpoints({ host, inForce }: Place, now: () => number = Date.now): OwnEndpointsSource {
  const ports = new Set<number>();
  let links: readonly Link[] = [];
  let own: OwnEndpoints = { addresses: [], ports, host: [] };
  /** What the last answer was made from, and when. */
  let settings: PlaceSettings | null = null;
  let answers = 0;
  let readAt = Number.NEGATIVE_INFINITY;
  const renew = (network: PlaceSettings): OwnEndpoints => {
    const seen = host.answers;
    links = linksNow(links);
    const addresses = [...links.map(({ address }) => address), ...network.services];
    own = { addresses, ports, host: host.current(), apiServer: network.apiServer };
    // Only now, so that what could not be read is read for the next request.
    readAt = now();
    settings = network;
    answers = seen;
    return own;
  };
  const current = (): OwnEndpoints => {
    const { network } = inForce.settings;
    const isSame = network === settings && host.answers === answers;
    // Below 0: somebody has set the clock back, and nobody knows since when.
    const age = now() - readAt;
    return isSame && age >= 0 && age < REFRESH_MS ? own : renew(network);
  };
  return {
    current,
    links() {
      current();
      return links;
    },
    addPort: (port) => ports.add(port),
    hasGlobalIPv6() {
      current();
      return links.some(({ address: { family, bytes } }) => family === 6 && (bytes[0] ?? 0) >> 5 === 1);
    },
  };
}

/** Without a free descriptor the system cannot tell: then what it said before still counts, and without that it throws. */
function linksNow(known: readonly Link[]): readonly Link[] {
  try {
    return readLinks(networkInterfaces());
  } catch (error) {
    if (known.length === 0) throw error;
    return known;
  }
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
