/** Classifies addresses and names against the table of special-purpose and metadata ranges. */
import { type Address, contains, type Prefix, parsePrefix } from './address.js';
import { type Embedding, embeddedIPv4, tailscale4via6 } from './embedded.js';
import { type Disposition, RANGE_ROWS, SPECIAL_NAMES } from './range-table.js';
import type { RuleId } from './rule.js';

type RangeId = Extract<RuleId, `never:${string}` | `special:${string}` | `private:${string}`>;

/** A row of the table, parsed. `id` names it in logs (`special:10.0.0.0/8`). */
export interface Range {
  readonly id: RangeId;
  readonly prefix: Prefix;
  readonly disposition: Disposition;
  readonly name: string;
  readonly source: string;
  readonly metadata: boolean;
}

/** The class of an address, and the address that was classified. */
export interface Classification {
  readonly is: AddressClass;
  /** The address that was classified, and that rules see: the inner one of an IPv4-mapped or NAT64 form. */
  readonly effective: Address;
  /** The address to connect to: the inner one of an IPv4-mapped form; a NAT64 form as it is, since the network translates it. */
  readonly routed: Address;
}

/** Everything but `global` is refused unless a rule may open it. */
export type AddressClass =
  | { readonly kind: 'global' }
  | {
      readonly kind: 'never' | 'special';
      /** True where an `internal` rule by host name may open it: private-use, shared and unique-local addresses. */
      readonly opensByName: boolean;
      readonly metadata: boolean;
      readonly id: RangeId;
      readonly what: string;
    };

export interface SpecialName {
  readonly kind: 'never' | 'special';
  readonly metadata: boolean;
  readonly id: RangeId;
  readonly what: string;
}

/** The table in the order of its source, for people and for the host firewall rules. */
export const RANGES: readonly Range[] = RANGE_ROWS.map(([text, disposition, name, source, mark]) => {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`the range table holds ${text}, which is no prefix`);
  const id: RangeId = `${disposition === 'never' ? 'never' : 'special'}:${prefix.text}`;
  return { id, prefix, disposition, name, source, metadata: mark === 'metadata' };
});

const GLOBAL: AddressClass = { kind: 'global' };
const BY_RANGE = { 4: rangeLookup(classesOf(4), GLOBAL), 6: rangeLookup(classesOf(6), GLOBAL) };

const NAMES: ReadonlyMap<string, SpecialName> = new Map(
  SPECIAL_NAMES.map(([pattern, kind, what, mark]) => [
    pattern,
    { kind, metadata: mark === 'metadata', id: `${kind}:${pattern}`, what },
  ]),
);
/** The patterns that cover every name below one. */
const BELOW = [...NAMES].flatMap(([pattern, is]) => (pattern.startsWith('*.') ? { suffix: pattern.slice(1), is } : []));

/** What the configuration adds to the table, of the networks around this proxy. */
export interface LocalRanges {
  /** The network's own NAT64 prefixes, decoded like 64:ff9b::/96. */
  readonly nat64: readonly Prefix[];
  /** Public addresses that are treated as private-use ones here. */
  readonly private: readonly Prefix[];
}

/** For callers without a configuration to ask. */
export const TABLE_ALONE: LocalRanges = Object.freeze({ nat64: [], private: [] });

/**
 * The class of `address` by its most specific row. An IPv4-mapped or NAT64 form is classified by its inner IPv4 address;
 * every other form that carries one is refused. The second parameter, such as the policy in force, says which other
 * prefixes are NAT64 here, and which globally reachable ranges are private.
 */
export function classify(address: Address, here: LocalRanges): Classification {
  if (address.family === 6) return classifyIPv6(address, here);
  const is = BY_RANGE[4](address);
  return { is: here.private.length > 0 ? orPrivate(is, address, here) : is, effective: address, routed: address };
}

function classifyIPv6(address: Address, here: LocalRanges): Classification {
  const embedding = embeddedIPv4(address, here.nat64);
  if (embedding?.kind !== 'decoded') {
    const is = embedding === null ? classOf(address) : classOfRefused(embedding);
    return { is: orPrivate(is, address, here), effective: address, routed: address };
  }
  const { inner, form } = embedding;
  const is = inside(classify(inner, here).is, form, inner);
  const routed = form === 'IPv4-mapped' ? inner : address;
  return { is: orPrivate(is, address, here), effective: inner, routed };
}

function orPrivate(is: AddressClass, address: Address, { private: ranges }: LocalRanges): AddressClass {
  if (is.kind !== 'global') return is;
  const range = ranges.find((prefix) => contains(prefix, address));
  if (range === undefined) return is;
  const what = `private here, ${range.text} (policy.private)`;
  return { kind: 'special', opensByName: true, metadata: false, id: `private:${range.text}`, what };
}

function classOfRefused({ form, inner, source }: Extract<Embedding, { readonly kind: 'refused' }>): AddressClass {
  const what = `${form} form of ${inner.text} (${source})`;
  return { kind: 'never', opensByName: false, metadata: false, id: `never:${form}`, what };
}

/** Of an IPv6 address that is judged as it is. */
function classOf(address: Address): AddressClass {
  const via = tailscale4via6(address);
  const inner = via === null ? null : BY_RANGE[4](via);
  if (via !== null && inner?.kind === 'never') return inside(inner, 'Tailscale 4via6', via);
  return BY_RANGE[6](address);
}

/** Null for a name that stands for nothing special. `name` is in lower case, without a trailing dot. */
export function classifyName(name: string): SpecialName | null {
  const found = NAMES.get(name);
  if (found !== undefined) return found;
  for (const { suffix, is } of BELOW) if (name.endsWith(suffix)) return is;
  return null;
}

/** True for localhost and the names below it, which stand for loopback without DNS (RFC 6761 section 6.3). */
export function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
}

function describe(range: Range): AddressClass {
  return {
    kind: range.disposition === 'never' ? 'never' : 'special',
    opensByName: range.disposition === 'private',
    metadata: range.metadata,
    id: range.id,
    what: `${range.name}, ${range.prefix.text} (${range.source})`,
  };
}

function inside(inner: AddressClass, form: string, address: Address): AddressClass {
  return inner.kind === 'global' ? inner : { ...inner, what: `${form} form of ${address.text}: ${inner.what}` };
}

function classesOf(family: 4 | 6): Ranged<AddressClass>[] {
  const ranges = RANGES.filter((range) => range.disposition !== 'inner' && range.prefix.address.family === family);
  return ranges.map((range) => ({ prefix: range.prefix, is: describe(range) }));
}

export interface Ranged<T> {
  readonly prefix: Prefix;
  readonly is: T;
}

/**
 * Finds the value of the narrowest prefix around an address by binary search, since every request asks. `ranges`: of one
 * address family; `rest`: what an address in no prefix is.
 */
export function rangeLookup<T>(ranges: readonly Ranged<T>[], rest: T): (address: Address) => T {
  const { firsts, are } = pieces(ranges, rest);
  return ({ bytes }) => {
    const key = bytes.length === 4 ? word(bytes, 0) : long(bytes);
    let low = 0;
    let high = firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((firsts[middle] ?? 0) <= key) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? rest : (are[low - 1] ?? rest);
  };
}

/** Pieces of the address space: each begins with its key and ends where the next one begins. */
interface Pieces<T> {
  readonly firsts: readonly (number | bigint)[];
  readonly are: readonly T[];
}

function pieces<T>(ranges: readonly Ranged<T>[], rest: T): Pieces<T> {
  const narrowFirst = ranges.toSorted((a, b) => b.prefix.bits - a.prefix.bits);
  const spans = narrowFirst.map(({ prefix: { address, bits }, is }) => {
    const first = long(address.bytes);
    return { first, end: first + (1n << BigInt(address.bytes.length * 8 - bits)), is };
  });
  const edges = [...new Set(spans.flatMap(({ first, end }) => [first, end]))].sort((a, b) => (a < b ? -1 : 1));
  const are = edges.map((key) => spans.find(({ first, end }) => first <= key && key < end)?.is ?? rest);
  return { firsts: ranges[0]?.prefix.address.family === 4 ? edges.map(Number) : edges, are };
}

/** An IPv4 address as one number, or 32 bits of an IPv6 address. */
function word(bytes: readonly number[], at: number): number {
  return (((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)) * 256 + (bytes[at + 2] ?? 0)) * 256 + (bytes[at + 3] ?? 0);
}

function long(bytes: readonly number[]): bigint {
  let key = 0n;
  for (let at = 0; at < bytes.length; at += 4) key = (key << 32n) | BigInt(word(bytes, at));
  return key;
}
