/**
 * What the kernel of this network namespace lets past the proxy. A sidecar is on two networks, and a container inherits IPv4
 * forwarding from a host that runs Docker. Then the kernel routes the packets of a neighbour that can write its own frames
 * (CAP_NET_RAW) to the other network, and none of our code sees them.
 */
import { readFileSync } from 'node:fs';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** Names of interfaces. All lists are empty if there is only one interface, or if this is not Linux. */
export interface KernelState {
  readonly ipv4Forwarding: readonly string[];
  readonly ipv6Forwarding: readonly string[];
  /** Accept packets whose source belongs to another interface, such as forged answers of a DNS server (RFC 3704). */
  readonly anySource: readonly string[];
  /** Accept a default route from whoever sends a router advertisement (RFC 4861 section 6.3.4). */
  readonly routerAdvertisements: readonly string[];
}

export interface KernelOptions {
  /** In place of /proc/sys/net. */
  readonly root?: string;
  readonly interfaces?: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
}

/** The value of rp_filter that requires the route back to the source to be by the same interface; 2 requires any route at all. */
const STRICT = 1;
/** The value of accept_ra that accepts them even where forwarding is on. */
const ALWAYS = 2;

/** Reads a few small files of /proc synchronously, since they are never on a disk. Never throws. */
export function readKernel(options: KernelOptions = {}): KernelState {
  const { root = '/proc/sys/net', interfaces = networkInterfaces } = options;
  const setting = (family: 'ipv4' | 'ipv6', name: string, key: string) =>
    numberIn(`${root}/${family}/conf/${name}/${key}`);
  const names = outward(interfaces());
  const filterOf = (name: string) => Math.max(setting('ipv4', 'all', 'rp_filter'), setting('ipv4', name, 'rp_filter'));
  const takesAdvertisements = (name: string): boolean => {
    if (setting('ipv6', name, 'disable_ipv6') !== 0) return false;
    const accepts = setting('ipv6', name, 'accept_ra');
    return accepts === ALWAYS || (accepts > 0 && setting('ipv6', name, 'forwarding') === 0);
  };
  return {
    ipv4Forwarding: names.filter((name) => setting('ipv4', name, 'forwarding') > 0),
    ipv6Forwarding: names.filter(
      (name) => setting('ipv6', name, 'forwarding') > 0 && setting('ipv6', name, 'disable_ipv6') === 0,
    ),
    anySource: names.filter((name) => ![STRICT, MISSING].includes(filterOf(name))),
    routerAdvertisements: names.filter(takesAdvertisements),
  };
}

/** The interfaces that are not loopback, without alias suffixes; none if there is only one. */
function outward(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  const names = Object.entries(interfaces)
    .filter(([, addresses]) => addresses?.some(({ internal }) => !internal) === true)
    .map(([name]) => name.split(':', 1)[0] ?? name);
  const unique = [...new Set(names)].sort();
  return unique.length > 1 ? unique : [];
}

/** Lower than any value that a setting can have. */
const MISSING = -1;

function numberIn(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return MISSING;
  }
}
