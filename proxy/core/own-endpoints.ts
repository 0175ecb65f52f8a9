/** Which destinations are the proxy itself, its host or its cluster's API server. */
import { type Address, contains, type Prefix, sameAddress } from './address.js';
import { isLoopback } from './loopback.js';

/** `addresses`: of each interface that the proxy sees, and of the Service in front of it. `ports`: those that it listens on. */
export interface OwnEndpoints {
  readonly addresses: readonly Address[];
  readonly ports: ReadonlySet<number>;
  /** Of the host around the proxy's container, as seen from outside; absent: none is known. */
  readonly host?: readonly Prefix[];
  /** The API server of the cluster that the proxy runs in; null or absent: there is none. */
  readonly apiServer?: Address | null;
}

/**
 * Any port of an own address that is not loopback, and any loopback address on a port that the proxy listens on: a listener
 * on the wildcard address answers at all of these.
 */
export function isOwn(own: OwnEndpoints, address: Address, port: number): boolean {
  if (isLoopback(address)) return own.ports.has(port);
  return own.addresses.some((candidate) => sameAddress(candidate, address));
}

/** On any port, since the API server commands the whole cluster. */
export function isApiServer({ apiServer }: OwnEndpoints, address: Address): boolean {
  return apiServer !== undefined && apiServer !== null && sameAddress(apiServer, address);
}

/** Any port of the host: its services, and every port that it publishes for a container, the relay's among them. */
export function isHost(own: OwnEndpoints, address: Address): boolean {
  return own.host?.some((prefix) => contains(prefix, address)) === true;
}
