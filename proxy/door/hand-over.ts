/** What becomes of a dialled connection if a defect keeps it from the tunnel that was to take it over. */
import type { Socket } from 'node:net';

/**
 * Takes the steps from a dialled connection to its open tunnel. Nobody listens to it yet, and it would stay open until its
 * peer ends it: if `take` throws, it is destroyed, and the defect is thrown on. The client is the caller's.
 */
export function handOver<T>(upstream: Socket, take: () => T): T {
  try {
    return take();
  } catch (error) {
    upstream.destroy();
    throw error;
  }
}
