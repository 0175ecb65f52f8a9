/**
 * What the kernel of this network namespace does beside the proxy. A sidecar is on two networks, and a container
 * inherits IPv4 forwarding from a host that runs Docker: then a neighbour that can write frames of its own (CAP_NET_RAW)
 * has its packets routed to the other network without one line of our code seeing them.
 */
import { readFileSync } from 'node:fs';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** Names of interfaces. All lists are empty if there is one interface only, or no Linux. */
export interface KernelState {
  readonly ipv4Forwarding: readonly string[];
  readonly ipv6Forwarding: readonly string[];
  /** Takes packets whose source belongs to another interface: forged answers of a DNS server, for one (RFC 3704). */
  readonly anySource: readonly string[];
  /** Takes a default route from whoever sends a router advertisement (RFC 4861 section 6.3.4). */
  readonly routerAdvertisements: readonly string[];
}

export interface KernelOptions {
  /** In place of /proc/sys/net. */
  readonly root?: string;
  readonly interfaces?: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
}

/** The setting of rp_filter that compares the source with the route back to it; 2 asks for any route at all. */
const STRICT = 1;
/** Of accept_ra: where forwarding is on, too. */
const ALWAYS = 2;

/** Reads a few small files of /proc at once, synchronously: they are never on a disk. Never throws. */
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

/** Interfaces with an address that leads out, without their alias suffix; none where there is one only. */
function outward(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  const names = Object.entries(interfaces)
    .filter(([, addresses]) => addresses?.some(({ internal }) => !internal) === true)
    .map(([name]) => name.split(':', 1)[0] ?? name);
  const unique = [...new Set(names)].sort();
  return unique.length > 1 ? unique : [];
}

/** Below every value that a setting can have. */
const MISSING = -1;

function numberIn(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return MISSING;
  }
}
