/** Health and metrics on an address of their own: `listen.metrics`. */
import type { AddressInfo } from 'node:net';
import { createHealthServer, type HealthOptions } from '../../admin/health-server.js';
import type { HostPort } from '../../config/places.js';
import { close, listen } from '../../net/listen.js';

export interface HealthListener {
  readonly at: AddressInfo;
  close(): Promise<void>;
}

/** Null where it is off. Rejects where the listener cannot be opened. */
export async function openHealth(at: HostPort | null, options: HealthOptions): Promise<HealthListener | null> {
  if (at === null) return null;
  const server = createHealthServer(options);
  const bound = await listen(server, at, 'metrics');
  return {
    at: bound,
    close() {
      const closed = close(server);
      server.closeAllConnections();
      return closed;
    },
  };
}
