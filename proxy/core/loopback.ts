/** Loopback: this machine as it addresses itself (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3, RFC 6761 section 6.3). */
import { type Address, parseAddress } from './address.js';
import { isLocalhost } from './special-purpose.js';

export function isLoopback({ family, bytes, text }: Address): boolean {
  return family === 4 ? bytes[0] === 127 : text === '::1';
}

/** For a host as a configuration or an engine writes it: an address, perhaps in brackets, or a name. */
export function isLoopbackHost(host: string): boolean {
  const address = parseAddress(host.replace(/^\[(.*)\]$/, '$1'));
  return address === null ? isLocalhost(host) : isLoopback(address);
}
