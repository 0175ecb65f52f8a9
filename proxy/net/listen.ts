/** Binds listeners, and puts a failure to do so into words. */

import type { AddressInfo, Server } from 'node:net';
import type { HostPort } from '../config/places.js';
import { hostPortText } from '../core/target.js';

/** The address that was bound. Rejects with an error that names the address, the configuration key and the remedy. */
export function listen(server: Server, at: HostPort, purpose: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(listenError(at, purpose, error));
    server.once('error', onError);
    server.listen({ host: at.host, port: at.port, backlog: 4096 }, () => {
      server.off('error', onError);
      const bound = server.address();
      if (bound === null || typeof bound === 'string') return reject(new Error('the listener has no port'));
      resolve(bound);
    });
  });
}

/** The shipped configuration takes these keys from the environment. */
const VARIABLES: Readonly<Record<string, string>> = {
  proxy: 'EGRESS_PROXY_LISTEN',
  admin: 'EGRESS_ADMIN_LISTEN',
  metrics: 'EGRESS_METRICS_LISTEN',
  socks: 'EGRESS_SOCKS_LISTEN',
  'steer.dns': 'EGRESS_STEER_DNS',
  'steer.http': 'EGRESS_STEER_HTTP',
  'steer.tls': 'EGRESS_STEER_TLS',
  'relay[0]': 'EGRESS_RELAY_LISTEN',
};

/** `purpose`: as in the event `listening`. `transport`: said after the address, such as ` over UDP`. */
export function listenError(at: HostPort, purpose: string, error: Error, transport = ''): Error {
  const key = /^(?:steer|relay)/.test(purpose) ? purpose : `listen.${purpose}`;
  const variable = VARIABLES[purpose];
  const where = variable === undefined ? key : `${key}, or ${variable} with the shipped configuration`;
  const code = 'code' in error ? error.code : null;
  const why = code === 'EADDRINUSE' ? 'something else listens there' : error.message;
  const place = `${hostPortText(at.host, at.port)}${transport}`;
  return new Error(`cannot listen on ${place}: ${why} (change ${where})`, { cause: error });
}

/** Stops accepting, and resolves when the last connection is gone. */
export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

export interface Listener {
  readonly purpose: string;
  readonly server: Server;
  readonly at: HostPort;
}

/** Empty if the configuration leaves the door shut. */
export function listener(purpose: string, server: Server, at: HostPort | null): Listener[] {
  return at === null ? [] : [{ purpose, server, at }];
}
