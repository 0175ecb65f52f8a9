/** Sets of prefixes as a packet filter wants them: without overlaps, and in the NAT64 form of an IPv4 prefix. */
import { addressFromBytes, contains, type Prefix } from '../core/address.js';

/** A prefix to match, why, and the narrower ones that it stands for. */
export interface Cover {
  readonly prefix: Prefix;
  readonly label: string;
  readonly covers: readonly string[];
}

export interface Labelled {
  readonly prefix: Prefix;
  readonly label: string;
}

/** The widest prefixes only, in the order of their first bytes; each lists the others that it contains. */
export function cover(rows: readonly Labelled[]): readonly Cover[] {
  const outer: { prefix: Prefix; label: string; covers: string[] }[] = [];
  for (const row of [...rows].sort((a, b) => a.prefix.bits - b.prefix.bits)) {
    const wider = outer.find((candidate) => contains(candidate.prefix, row.prefix.address));
    if (wider === undefined) outer.push({ ...row, covers: [] });
    else wider.covers.push(`${row.prefix.text} ${row.label}`);
  }
  return outer.sort((a, b) => compareBytes(a.prefix.address.bytes, b.prefix.address.bytes));
}

/** `inner` (IPv4) below a NAT64 prefix of 96 bits: RFC 6052 section 2.2 puts the IPv4 address in the last 32. */
export function nat64Form(nat64: Prefix, inner: Prefix): Prefix {
  const address = addressFromBytes([...nat64.address.bytes.slice(0, 12), ...inner.address.bytes]);
  const bits = 96 + inner.bits;
  return { address, bits, text: `${address.text}/${bits}` };
}

function compareBytes(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
