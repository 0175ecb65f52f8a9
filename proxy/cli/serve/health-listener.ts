/** Health and metrics on an address of their own: `listen.metrics`. */
import type { HealthOptions } from '../../admin/health-server.js';
import type { HostPort } from '../../config/places.js';
import { type HttpListener, openHttp } from './http-listener.js';

/** Null if it is off; nothing is loaded then. Rejects if the listener cannot be opened. */
export async function openHealth(at: HostPort | null, options: HealthOptions): Promise<HttpListener | null> {
  if (at === null) return null;
  const { createHealthServer } = await import('../../admin/health-server.js');
  return openHttp(createHealthServer(options), at, 'metrics');
}
