/**
 * Whom a fixed relay refuses: clients on the network into which it leads. A tool would reach the gateway by it, and
 * with the gateway every other tool and its credentials.
 */
import { isIP } from 'node:net';
import type { HostPort } from '../config/places.js';
import { type Address, contains, parseAddress } from '../core/address.js';
import { isLoopback } from '../core/loopback.js';
import type { Link } from '../net/interfaces.js';

/** The addresses of doors that are bound to one address: they stand on the tools' network. */
export function boundAddresses(doors: readonly (HostPort | null)[]): Address[] {
  return doors.flatMap((door) => {
    if (door === null || isIP(door.host) === 0 || door.host === '0.0.0.0' || door.host === '::') return [];
    return parseAddress(door.host) ?? [];
  });
}

/** True where one of `ends` is on a link that holds one of `inner`. Loopback is nobody's network. */
export function sharesLink(
  links: readonly Link[],
  inner: readonly Address[],
  ends: readonly (string | undefined)[],
): boolean {
  const shared = links.filter(
    ({ address, prefix }) => !isLoopback(address) && inner.some((one) => contains(prefix, one)),
  );
  const addresses = ends.flatMap((text) => (text === undefined ? [] : (unmapped(text) ?? [])));
  return addresses.some((address) => shared.some(({ prefix }) => contains(prefix, address)));
}

/** A socket that listens on both families shows IPv4 peers in the mapped form. */
function unmapped(text: string): Address | null {
  return parseAddress(text.replace(/^::ffff:(?=\d+\.)/i, ''));
}
