/** One DNS server as a place to send to: always an address, never a name. */

import { isIP } from 'node:net';
import { hostPortText } from '../core/target.js';

export interface DnsServer {
  /** A literal; IPv6 may carry a zone (`fe80::1%eth0`), as resolv.conf allows. */
  readonly host: string;
  readonly family: 4 | 6;
  readonly port: number;
}

const DNS_PORT = 53;

/** `address` or `address:port`, IPv6 in brackets where a port follows; null for anything else. */
export function parseDnsServer(text: string): DnsServer | null {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? text;
  const family = isIP(host);
  const port = digits === undefined ? DNS_PORT : Number(digits);
  if ((family !== 4 && family !== 6) || port < 1 || port > 65_535) return null;
  return { host, family, port };
}

/** As the configuration and events write it. */
export function serverText({ host, port }: DnsServer): string {
  return port === DNS_PORT ? host : hostPortText(host, port);
}
