/** What of the destinations is the proxy itself. */
import { type Address, sameAddress } from './address.js';

/** `addresses`: of every interface of this host. `ports`: those that the proxy listens on. */
export interface OwnEndpoints {
  readonly addresses: readonly Address[];
  readonly ports: ReadonlySet<number>;
}

/**
 * Any port of an own address that is not loopback, and any loopback address on a port we listen on: what is bound to
 * the wildcard address answers there as well.
 */
export function isOwn(own: OwnEndpoints, address: Address, port: number): boolean {
  if (isLoopback(address)) return own.ports.has(port);
  return own.addresses.some((candidate) => sameAddress(candidate, address));
}

export function isLoopback(address: Address): boolean {
  return address.family === 4 ? address.bytes[0] === 127 : address.text === '::1';
}
