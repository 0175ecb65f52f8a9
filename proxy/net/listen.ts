/** Listeners: bound, named in errors, and known to the policy as the proxy's own. */
import type { AddressInfo, Server } from 'node:net';
import type { HostPort } from '../config/config.js';

/** The port that was bound. Rejects with an error that names the address and what it was for. */
export function listen(server: Server, at: HostPort, purpose: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void =>
      reject(new Error(`cannot listen on ${at.host}:${at.port} for ${purpose}: ${error.message}`, { cause: error }));
    server.once('error', onError);
    server.listen({ host: at.host, port: at.port, backlog: 4096 }, () => {
      server.off('error', onError);
      const bound = server.address();
      if (bound === null || typeof bound === 'string') return reject(new Error('the listener has no port'));
      resolve(bound);
    });
  });
}

/** Stops accepting, and resolves when the last connection is gone. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
