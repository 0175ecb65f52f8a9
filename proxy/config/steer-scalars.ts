/** The scalar forms of the section `steer`: what the DNS door answers, and to whom. */
import { type Address, parseAddress } from '../core/address.js';
import { embeddedIPv4 } from '../core/embedded.js';
import { classify, TABLE_ALONE } from '../core/special-purpose.js';
import { type DnsName, parseDnsName } from '../core/target.js';
import { form, type Mismatch, mismatch, orMismatch } from './scalars.js';

/** Something that a client can dial: no address that stands for many, for none, or for another one. */
export const steerAddress = form(
  'an IPv4 or IPv6 address that clients can dial, such as 10.96.0.250 or "fd00::250"',
  readAddress,
);

/** Whole: everything below a name could be said in a question. */
export const ownName = form('a DNS name, whole, such as egress-proxy.egress.svc.cluster.local', (text) =>
  text.startsWith('*') ? mismatch('a whole name: with a wildcard, any name could be asked for') : readName(text),
);

/** As in resolv.conf(5). */
export const searchSuffix = form('a DNS suffix as in resolv.conf, such as svc.cluster.local', (text) =>
  readName(text.replace(/^\./, '')),
);

function readAddress(text: string): Address | Mismatch {
  const address = parseAddress(text);
  if (address === null || classify(address, TABLE_ALONE).is.kind === 'never') return mismatch();
  return embeddedIPv4(address, []) === null ? address : mismatch();
}

function readName(text: string): DnsName | Mismatch {
  return orMismatch(parseDnsName(text));
}
