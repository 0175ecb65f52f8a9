/** One address per row of the table, and where each of them is in the lab. */
import { addressFromBytes, type Prefix } from '../../../proxy/core/address.js';
import { RANGES } from '../../../proxy/core/special-purpose.js';

/**
 * Rows whose addresses no packet on a wire can have as its destination, or only on one link: the kernel itself sends
 * none of these to a router, with rules or without. Link-local has a test of its own.
 */
export const NEVER_ROUTED = new Set([
  '0.0.0.0/8',
  '0.0.0.0/32',
  '127.0.0.0/8',
  '127.0.0.11/32',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  '::1/128',
  '::ffff:0:0/96',
  'ff00::/8',
  'fe80::/10',
  'fe80::a9fe:a9fe/128',
]);

/** Rows for which an address near the start of the prefix would not do. */
const CHOSEN: Readonly<Record<string, string>> = {
  '64:ff9b::/96': '64:ff9b::10.0.0.7',
  '::/96': '::10.0.0.7',
  '::ffff:0:0:0/96': '::ffff:0:10.0.0.7',
  '::/3': '1000::7',
};

/** The forms that carry a private address to the same place, and a private address that is in no row by itself. */
const MORE = [
  '64:ff9b::169.254.169.254',
  '64:ff9b::168.63.129.16',
  '2a00:9::5efe:10.0.0.7',
  '192.168.1.20',
  'fd00:1::20',
];

/** What the rules refuse and the LAN answers for. */
export function refusedDestinations(): string[] {
  const rows = RANGES.filter((range) => !NEVER_ROUTED.has(range.prefix.text));
  return [...new Set([...rows.map((range) => CHOSEN[range.prefix.text] ?? inside(range.prefix)), ...MORE])];
}

/** What the rules let through and the public stand-in answers for: neighbours of ranges, and NAT64 of a public one. */
export const PUBLIC_DESTINATIONS = [
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '168.63.129.15',
  '172.15.255.255',
  '172.32.0.0',
  '192.169.0.0',
  '223.255.255.255',
  '2001:4860:4860::8888',
  '2a00:9::7',
  '2003::7',
  '64:ff9b::8.8.8.8',
];

/** The eighth address of the prefix, or the only one. */
function inside(prefix: Prefix): string {
  const { bytes } = prefix.address;
  if (prefix.bits > bytes.length * 8 - 3) return prefix.address.text;
  return addressFromBytes([...bytes.slice(0, -1), (bytes.at(-1) ?? 0) + 7]).text;
}
