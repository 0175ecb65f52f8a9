/**
 * Whom a fixed relay refuses: clients on the network into which it leads. Through it a tool would reach the gateway, and
 * through the gateway every other tool and its credentials.
 */
import { isIP } from 'node:net';
import type { HostPort } from '../config/places.js';
import {
  type Address,
  addressFromBytes,
  contains,
  isLoopback,
  parseAddress,
  prefixOf,
  sameAddress,
} from '../core/address.js';
import type { Link } from '../net/interfaces.js';

const LINK_LOCAL = prefixOf(addressFromBytes([0xfe, 0x80, ...Array<number>(14).fill(0)]), 10);

/** The addresses of doors that are bound to a single address: these are on the tools' network. */
export function boundAddresses(doors: readonly (HostPort | null)[]): Address[] {
  return doors.flatMap((door) => {
    if (door === null || isIP(door.host) === 0 || door.host === '0.0.0.0' || door.host === '::') return [];
    return parseAddress(door.host) ?? [];
  });
}

/**
 * True if one of `ends` is on a link that holds one of `inner`, by IPv4 or IPv6: a network with addresses of one family
 * may have some of the other, and link-local ones. Loopback does not count as a network.
 */
export function sharesLink(
  links: readonly Link[],
  inner: readonly Address[],
  ends: readonly (string | undefined)[],
): boolean {
  const outward = links.filter(({ address }) => !isLoopback(address));
  const holding = outward.filter(({ prefix }) => inner.some((one) => contains(prefix, one)));
  const shared = outward.filter((link) => holding.some((one) => one === link || isBeside(one, link)));
  const addresses = ends.flatMap((text) => (text === undefined ? [] : (unmapped(text) ?? [])));
  return addresses.some((address) => shared.some((link) => isOn(link, address)));
}

/** True for the same device's other family and its link-local address. A second prefix of the same family is another network. */
function isBeside(one: Link, { address, device }: Link): boolean {
  const isOther = one.address.family !== address.family || contains(LINK_LOCAL, address);
  return one.device === device && isOther;
}

/** Every interface has the same link-local prefix: only its own address tells which one it is. */
function isOn({ address: own, prefix }: Link, address: Address): boolean {
  return sameAddress(own, address) || (!contains(LINK_LOCAL, address) && contains(prefix, address));
}

/** A socket that listens on both families shows IPv4 peers in the mapped form, and link-local ones may have a zone. */
function unmapped(text: string): Address | null {
  return parseAddress(text.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, ''));
}
