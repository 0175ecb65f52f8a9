/** Whether a host as text is this machine as it addresses itself (RFC 6761 section 6.3). */
import { isLoopback, parseAddress } from './address.js';
import { isLocalhost } from './special-purpose.js';

/** For a host as a configuration or an engine writes it: an address, perhaps in brackets, or a name. */
export function isLoopbackHost(host: string): boolean {
  const address = parseAddress(host.replace(/^\[(.*)\]$/, '$1'));
  return address === null ? isLocalhost(host) : isLoopback(address);
}
