/** DNS servers on a network of the tools, where a tool that can forge packets could answer in their place. */
import { networkInterfaces } from 'node:os';
import { type Address, contains, type Prefix, parseAddress } from '../core/address.js';
import type { DnsServer } from './dns-server.js';

/** One address of this machine, with the network that it is on. */
export type InterfaceAddress = Pick<Prefix, 'address' | 'bits'>;

/**
 * Those of `servers` that are in the network of an interface on which a door listens. `listenHosts`: the hosts of the doors
 * as configured; a wildcard means all interfaces.
 */
export function exposedServers(
  servers: readonly DnsServer[],
  listenHosts: readonly string[],
  interfaces: readonly InterfaceAddress[] = outsideInterfaces(),
): DnsServer[] {
  const hosts = new Set(listenHosts);
  const isWildcard = hosts.has('0.0.0.0') || hosts.has('::');
  const ofTools = interfaces.filter(({ address }) => isWildcard || hosts.has(address.text));
  return servers.filter(({ host }) => {
    const address = parseAddress(host);
    return address !== null && ofTools.some((one) => isNeighbour(one, address));
  });
}

/** False for the machine itself, in whose place nobody else can answer. */
function isNeighbour(one: InterfaceAddress, address: Address): boolean {
  return contains({ ...one, text: '' }, address) && one.address.text !== address.text;
}

/** Without loopback. */
function outsideInterfaces(): InterfaceAddress[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.flatMap(({ address: text, cidr, internal }) => {
    const address = parseAddress(text.split('%', 1)[0] ?? '');
    const bits = Number(cidr?.split('/')[1]);
    return address === null || internal || !Number.isInteger(bits) ? [] : [{ address, bits }];
  });
}
