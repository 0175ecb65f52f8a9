/** What `policy.private` may hold: networks, not the internet. */
import { contains, type Prefix, parsePrefix } from '../core/address.js';
import { RANGES } from '../core/special-purpose.js';
import type { Issue } from './config-error.js';

/** 2000::/3 is all of global unicast (IANA ipv6-address-space). */
const GLOBAL_IPV6 = { firstByte: 0x20, bits: 3 } as const;
/** The largest networks of one owner are of 8 and 19 bits; a larger prefix names more than a network. */
const WIDEST = { 4: 8, 6: 16 } as const;

export function isWide(prefix: Prefix): boolean {
  return prefix.bits < WIDEST[prefix.address.family] && partOf(prefix) > 0;
}

/** `texts`: the list as it is in the file. */
export function privateIssues(texts: readonly unknown[]): Issue[] {
  const prefixes = texts.map((text) => (typeof text === 'string' ? parsePrefix(text) : null));
  const inner = RANGES.filter(({ disposition }) => disposition === 'inner').map(({ prefix }) => prefix);
  return prefixes.flatMap((prefix, i) => {
    if (prefix === null) return [];
    const expected = mistake(
      prefix,
      prefixes.slice(0, i + 1).flatMap((one) => one ?? []),
      inner,
    );
    return expected === null ? [] : [{ path: ['policy', 'private', i], value: texts[i], expected }];
  });
}

/** `soFar`: this one and those before it. */
function mistake(prefix: Prefix, soFar: readonly Prefix[], inner: readonly Prefix[]): string | null {
  if (prefix.bits > 0 && inner.some((outer) => overlaps(outer, prefix)))
    return 'the IPv4 prefix inside, such as 34.118.224.0/20, since addresses are judged by that';
  const { family } = prefix.address;
  const isWhole = shareOf(soFar.filter(({ address }) => address.family === family)) >= 1;
  const isWholeBefore = shareOf(soFar.slice(0, -1).filter(({ address }) => address.family === family)) >= 1;
  return isWhole && !isWholeBefore
    ? 'the ranges of a network, such as 34.118.224.0/20: with this one, every address of the internet is private'
    : null;
}

function overlaps(a: Prefix, b: Prefix): boolean {
  return a.bits <= b.bits ? contains(a, b.address) : contains(b, a.address);
}

/** Of the addresses of one family, or of those that are global in IPv6: 0 to 1. */
function shareOf(prefixes: readonly Prefix[]): number {
  const widest = prefixes.filter(
    (one, i) =>
      !prefixes.some(
        (other, j) => (other.bits < one.bits || (other.bits === one.bits && j < i)) && contains(other, one.address),
      ),
  );
  return widest.reduce((sum, prefix) => sum + partOf(prefix), 0);
}

function partOf({ address: { family, bytes }, bits }: Prefix): number {
  if (family === 4) return 2 ** -bits;
  if (bits <= GLOBAL_IPV6.bits) return (bytes[0] ?? 0) >> (8 - bits) === GLOBAL_IPV6.firstByte >> (8 - bits) ? 1 : 0;
  return (bytes[0] ?? 0) >> 5 === 1 ? 2 ** (GLOBAL_IPV6.bits - bits) : 0;
}
