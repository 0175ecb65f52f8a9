/**
 * What of the policy a packet filter can hold: addresses and ports, no names and no clients.
 *
 * Where a rule says more than a packet shows, the host is the stricter one: a `deny` that is limited to a host name or to
 * clients refuses for everyone, an `internal` or `allow` that is limited so opens nothing. `notes` says which. The mode
 * `report` has no counterpart here: the host always enforces.
 */
import { contains, type Prefix, parsePrefix } from '../core/address.js';
import type { Policy, PortRange, Rule } from '../core/policy.js';
import { RANGES } from '../core/special-purpose.js';
import { type Cover, cover } from './prefixes.js';

export type Family = 4 | 6;

/** One rule of the policy. `prefix` null: every address. `ports` null: every port and every protocol. */
export interface AddressRule {
  readonly id: string;
  readonly prefix: Prefix | null;
  readonly ports: readonly PortRange[] | null;
  readonly protocols: readonly ('tcp' | 'udp')[];
}

/** In the order of evaluation of the policy: never, deny, internal, special, allow, default. */
export interface HostRules {
  readonly never: Readonly<Record<Family, readonly Cover[]>>;
  readonly deny: readonly AddressRule[];
  readonly internal: readonly AddressRule[];
  readonly special: Readonly<Record<Family, readonly Cover[]>>;
  readonly allow: readonly AddressRule[];
  readonly default: Policy['default'];
  /** NAT64 prefixes of 96 bits: judged by the IPv4 address in their last 32 bits. */
  readonly nat64: readonly [Prefix, ...Prefix[]];
  /** NAT64 prefixes of other lengths, and those in a range that is private here: refused whole. */
  readonly nat64Refused: readonly Prefix[];
  readonly notes: readonly string[];
}

/**
 * 64:ff9b::/96 is judged by its inner address and not refused whole, as in the proxy: a network without IPv4 reaches
 * public hosts through it, and without a rule of its own it would carry `64:ff9b::10.0.0.1` to a private one. The
 * other lengths of RFC 6052 have the IPv4 bits on both sides of bits 64 to 71, which no prefix can step over.
 */
const WELL_KNOWN_NAT64 = wellKnown('64:ff9b::/96');

export function hostRules(policy: Policy): HostRules {
  return {
    never: ranges((disposition) => disposition === 'never', []),
    deny: policy.deny.flatMap((rule) => denial(rule)),
    internal: policy.internal.flatMap((rule) => opening(rule)),
    special: ranges((disposition) => disposition === 'special' || disposition === 'private', policy.private),
    allow: policy.default === 'none' ? policy.allow.flatMap((rule) => opening(rule)) : [],
    default: policy.default,
    nat64: [WELL_KNOWN_NAT64, ...policy.nat64.filter((prefix) => isJudgedInside(policy, prefix))],
    nat64Refused: policy.nat64.filter((prefix) => !isJudgedInside(policy, prefix) && !isWellKnown(prefix)),
    notes: notes(policy),
  };
}

function ranges(wanted: (disposition: string) => boolean, others: readonly Prefix[]): Record<Family, readonly Cover[]> {
  const known = RANGES.filter((range) => wanted(range.disposition)).map((range) => ({
    prefix: range.prefix,
    label: `${range.name} (${range.source})`,
  }));
  const rows = [...known, ...others.map((prefix) => ({ prefix, label: 'private here (policy.private)' }))];
  const of = (family: Family) => cover(rows.filter((row) => row.prefix.address.family === family));
  return { 4: of(4), 6: of(6) };
}

/** A name alone cannot be matched; what it resolves to is judged by the other rules. */
function denial(rule: Rule): AddressRule[] {
  if (rule.address === null && (rule.host !== null || rule.ports === null)) return [];
  return [{ id: rule.id, prefix: rule.address, ports: rule.ports, protocols: ['tcp', 'udp'] }];
}

/** The proxy speaks TCP only, so an exception opens TCP only. */
function opening(rule: Rule): AddressRule[] {
  if (!isPlain(rule) || (rule.address === null && rule.ports === null)) return [];
  return [{ id: rule.id, prefix: rule.address, ports: rule.ports, protocols: ['tcp'] }];
}

function isPlain(rule: Rule): boolean {
  return rule.host === null && rule.clients === null;
}

function notes(policy: Policy): string[] {
  const openings = [...policy.internal, ...(policy.default === 'none' ? policy.allow : [])];
  const closed = openings.filter((rule) => !isPlain(rule)).map((rule) => `${rule.id} names a host or a client`);
  const wide = policy.deny.filter((rule) => denial(rule).length > 0 && !isPlain(rule));
  const unseen = policy.deny.filter((rule) => denial(rule).length === 0);
  return [
    ...closed.map((text) => `${text}: a packet shows neither, so it opens nothing here.`),
    ...wide.map(({ id }) => `${id} names a host or a client: a packet shows neither, so it refuses for everyone here.`),
    ...unseen.map(({ id }) => `${id} names a host or a client: only the proxy enforces it.`),
    ...[...policy.perClient.keys()].map((name) => `client ${name} has a default or mode of its own: not here.`),
    ...(policy.mode === 'report' ? ['mode is report: the host enforces all the same.'] : []),
  ];
}

function isJudgedInside({ private: own }: Policy, prefix: Prefix): boolean {
  return prefix.bits === 96 && !isWellKnown(prefix) && !own.some((range) => contains(range, prefix.address));
}

function isWellKnown(prefix: Prefix): boolean {
  return prefix.text === WELL_KNOWN_NAT64.text;
}

function wellKnown(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`${text} is no prefix`);
  return prefix;
}
