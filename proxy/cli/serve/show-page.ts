/** Tells where the page is, with the token that it needs. */

import type { AddressInfo } from 'node:net';
import { isLoopbackHost } from '../../core/loopback.js';
import { hostPortText } from '../../core/target.js';

/** To be called once, for a person at a terminal alone, since many may read a log. */
export function showPage({ address, family, port }: AddressInfo, token: string): void {
  if (process.stderr.isTTY !== true) return;
  const host = isLoopbackHost(address) && family === 'IPv6' ? '::1' : '127.0.0.1';
  process.stderr.write(`The page: http://${hostPortText(host, port)}/?token=${token}\n`);
}
