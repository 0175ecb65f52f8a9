/** A dialer whose every destination is one origin on loopback, with the public address that a record then shows. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { parseAddress } from '../../proxy/core/address.js';
import type { Dialer } from '../../proxy/net/dialer.js';
import { promisedDialer } from '../net/promised-dialer.js';

export function dialerTo(port: number, address: string): Dialer {
  return promisedDialer(async () => {
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await once(socket, 'connect');
    return { socket, address: parseAddress(address) ?? assert.fail() };
  });
}
