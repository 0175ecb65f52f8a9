/** DNS names and the patterns of rules: a name, or `*.suffix` for every name below the suffix, not the suffix itself. */
import { endsInNumber } from './address.js';

declare const dnsName: unique symbol;
/**
 * Lower case, no trailing dot, at most 253 octets, labels of 1 to 63 letters, digits, hyphens and underscores. The last label
 * is no number: such a text is an IPv4 address or nothing (URL standard, host parsing).
 */
export type DnsName = string & { readonly [dnsName]: true };

export interface HostPattern {
  readonly text: string;
  matches(name: DnsName): boolean;
}

const LABELS = /^[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

/** Null where the text is no DNS name (RFC 1035 section 2.3.4, underscores allowed as in RFC 8552). ASCII only. */
export function parseDnsName(text: string): DnsName | null {
  // Checked before it is put in lower case, which would turn U+212A (the Kelvin sign) into an ASCII k.
  if (text.length > 254 || !LABELS.test(text)) return null;
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  return name.length > 253 || endsInNumber(name) ? null : (name as DnsName);
}

/** Null where the text is neither a name nor `*.` and a name. */
export function parseHostPattern(text: string): HostPattern | null {
  const below = text.startsWith('*.');
  const name = parseDnsName(below ? text.slice(2) : text);
  if (name === null) return null;
  const suffix = `.${name}`;
  if (!below) return { text: name, matches: (candidate) => candidate === name };
  return { text: `*${suffix}`, matches: (candidate) => candidate.endsWith(suffix) };
}
