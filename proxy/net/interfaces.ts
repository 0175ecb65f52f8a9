/** What of the network is the proxy itself: the addresses of its interfaces and the ports it listens on. */
import { networkInterfaces } from 'node:os';
import { type Address, parseAddress } from '../core/address.js';
import type { OwnEndpoints } from '../core/policy.js';

export interface OwnEndpointsSource {
  /** Interfaces come and go with Docker networks: read anew after REFRESH_MS. */
  current(): OwnEndpoints;
  /** Called once for every listener, with the port it got. */
  addPort(port: number): void;
  /** True where some interface has an address in 2000::/3. */
  hasGlobalIPv6(): boolean;
}

const REFRESH_MS = 2000;

export function createOwnEndpoints(now: () => number = Date.now): OwnEndpointsSource {
  const ports = new Set<number>();
  let addresses: readonly Address[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  const refreshed = (): readonly Address[] => {
    if (now() - readAt >= REFRESH_MS) {
      readAt = now();
      addresses = interfaceAddresses();
    }
    return addresses;
  };
  return {
    current: () => ({ addresses: refreshed(), ports }),
    addPort: (port) => ports.add(port),
    hasGlobalIPv6: () => refreshed().some(({ family, bytes }) => family === 6 && (bytes[0] ?? 0) >> 5 === 1),
  };
}

function interfaceAddresses(): Address[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.flatMap(({ address }) => parseAddress(address.split('%', 1)[0] ?? '') ?? []);
}
