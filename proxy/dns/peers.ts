/**
 * Whom the DNS door answers. A datagram's source is whatever its sender wrote, so an answer to it is a datagram of the
 * sender's making to an address of the sender's choice: only a neighbour on the link of the door may be that address.
 */
import { type Address, contains, isLoopback, type Prefix, sameAddress } from '../core/address.js';
import { classify, TABLE_ALONE } from '../core/special-purpose.js';
import type { Link } from '../net/interfaces.js';

/**
 * True where `peer` is in the prefix of `at`, the address on which the door was asked, or in one of `others`, and may be
 * answered: never an own address, loopback (but on a door that is bound to it), what nothing opens, or the two ends of an
 * IPv4 prefix, which stand for all of its hosts (RFC 1122 section 3.2.1.3). `others`: where routed networks have the
 * clients, whose links have a prefix of one address (Kubernetes).
 */
export function isNeighbour(
  peer: Address | null,
  at: Address | null,
  links: readonly Link[],
  others: readonly Prefix[] = [],
): boolean {
  if (peer === null || at === null) return false;
  if (isLoopback(at)) return isLoopback(peer);
  if (isLoopback(peer) || classify(peer, TABLE_ALONE).is.kind === 'never') return false;
  if (links.some(({ address }) => sameAddress(address, peer))) return false;
  const link = links.find(({ address }) => sameAddress(address, at));
  if (link === undefined) return false;
  const around = [link.prefix, ...others];
  if (!around.some((prefix) => contains(prefix, peer))) return false;
  const networks = [...around, ...links.map(({ prefix }) => prefix)].filter((prefix) => contains(prefix, peer));
  return !networks.some((prefix) => isBroadcast(prefix, peer));
}

/** RFC 3021: a prefix of 31 bits has two hosts and no broadcast address. */
function isBroadcast({ address: { family }, bits }: Prefix, peer: Address): boolean {
  if (family === 6 || bits > 30) return false;
  const value = peer.bytes.reduce((sum, byte) => sum * 256 + byte, 0) % 2 ** (32 - bits);
  return value === 0 || value === 2 ** (32 - bits) - 1;
}
