/** An HTTP listener beside the doors: bound at the start, and closed with all its connections at the end. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HostPort } from '../../config/places.js';
import { close, listen } from '../../net/listen.js';

export interface HttpListener {
  readonly at: AddressInfo;
  close(): Promise<void>;
}

/** Rejects if it cannot be opened. `purpose`: as in the event `listening`. */
export async function openHttp(server: Server, at: HostPort, purpose: string): Promise<HttpListener> {
  const bound = await listen(server, at, purpose);
  return {
    at: bound,
    close() {
      const closed = close(server);
      server.closeAllConnections();
      return closed;
    },
  };
}
