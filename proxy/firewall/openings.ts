/**
 * The rules as what is open alone: prefixes without their exceptions, as a NetworkPolicy wants them, which has no order
 * and no refusals. The union of all openings is what the steps of judgement.ts let through, by TCP.
 */
import { contains, type Prefix, parsePrefix } from '../core/address.js';
import type { PortRange } from '../core/policy.js';
import type { AddressRule, Family, HostRules } from './host-rules.js';
import { type Cover, cover, nat64Form } from './prefixes.js';

/** `ports` null: all. `why`: the rule that opens it, for people. */
export interface Opening {
  readonly why: string;
  readonly prefix: Prefix;
  readonly except: readonly Cover[];
  readonly ports: readonly PortRange[] | null;
}

/** `ports` null: refused at all of them. `prefix` null: at every address. */
interface Refused {
  readonly prefix: Prefix | null;
  readonly label: string;
  readonly ports: readonly PortRange[] | null;
}

interface Region {
  readonly why: string;
  readonly prefix: Prefix;
  readonly ports: readonly PortRange[] | null;
}

const PUBLIC4 = fixed('0.0.0.0/0');
/** The space that is delegated for global unicast (IANA ipv6-address-space). */
const PUBLIC6 = fixed('2000::/3');
const ALL_PORTS: PortRange = { from: 1, to: 65_535 };

/** By their rules, in their order; what the default opens first. */
export function openings(rules: HostRules): readonly Opening[] {
  const allow = rules.default === 'public' ? [{ id: 'default', prefix: null, ports: null }] : rules.allow;
  return [
    ...allow.flatMap((rule) => opened(rules, rule, [...never(rules), ...denied(rules), ...special(rules)])),
    ...rules.internal.flatMap((rule) => opened(rules, rule, [...never(rules), ...denied(rules)])),
  ];
}

type Opener = Pick<AddressRule, 'id' | 'prefix' | 'ports'>;

/** In IPv4, in IPv6, and in IPv6 as a NAT64 address, which is judged by the IPv4 address inside it. */
function opened(rules: HostRules, { id, prefix, ports }: Opener, refused: readonly Refused[]): Opening[] {
  const of = (family: Family) => (prefix === null || prefix.address.family === family ? [prefix] : []);
  const four = of(4).map((own) => own ?? PUBLIC4);
  const six = of(6).map((own) => own ?? PUBLIC6);
  const translated = [...rules.nat64, ...rules.nat64Refused].map((own) => whole(own, 'NAT64'));
  const region = (own: Prefix): Region => ({ why: id, prefix: own, ports });
  return [
    ...four.flatMap((own) => without(region(own), refused)),
    ...six.flatMap((own) => without(region(own), [...translated, ...refused])),
    ...rules.nat64.flatMap((nat64) =>
      four.flatMap((own) => without(region(nat64Form(nat64, own)), under(nat64, refused))),
    ),
  ];
}

function never(rules: HostRules): Refused[] {
  return [...rules.never[4], ...rules.never[6]].map(({ prefix, label }) => whole(prefix, label));
}

function special(rules: HostRules): Refused[] {
  return [...rules.special[4], ...rules.special[6]].map(({ prefix, label }) => whole(prefix, label));
}

function denied(rules: HostRules): Refused[] {
  return rules.deny.map(({ id, prefix, ports }) => ({ prefix, label: id, ports }));
}

function under(nat64: Prefix, refused: readonly Refused[]): Refused[] {
  return refused.flatMap((one) => {
    if (one.prefix === null) return [one];
    return one.prefix.address.family === 4 ? [{ ...one, prefix: nat64Form(nat64, one.prefix) }] : [];
  });
}

/**
 * A region without what is refused in it, in parts that do not overlap: the region itself, and each prefix in it of
 * which only some ports are refused, with the ports that remain.
 */
function without(region: Region, refused: readonly Refused[]): Opening[] {
  const some = refused.flatMap(({ prefix, ports }) => {
    return prefix !== null && ports !== null && isWithin(region.prefix, prefix) ? [prefix] : [];
  });
  const nodes = [region.prefix, ...distinct(some)];
  return nodes.flatMap((node) => part({ ...region, prefix: node }, refused));
}

function part(region: Region, refused: readonly Refused[]): Opening[] {
  const { why, prefix } = region;
  const around = refused.filter(
    (one) => one.prefix === null || isSame(one.prefix, prefix) || isWithin(one.prefix, prefix),
  );
  if (around.some(({ ports }) => ports === null)) return [];
  const ports = around.reduce((left, one) => subtract(left, one.ports ?? []), region.ports ?? [ALL_PORTS]);
  if (ports.length === 0) return [];
  const inside = refused.flatMap((one) => {
    return one.prefix !== null && isWithin(prefix, one.prefix) ? [{ prefix: one.prefix, label: one.label }] : [];
  });
  const isEvery = region.ports === null && around.length === 0;
  return [{ why, prefix, except: cover(inside), ports: isEvery ? null : ports }];
}

function subtract(from: readonly PortRange[], taken: readonly PortRange[]): readonly PortRange[] {
  return taken.reduce(
    (left, cut) =>
      left.flatMap((range) => {
        if (cut.to < range.from || cut.from > range.to) return [range];
        const below = { from: range.from, to: cut.from - 1 };
        const above = { from: cut.to + 1, to: range.to };
        return [below, above].filter(({ from: first, to }) => first <= to);
      }),
    from,
  );
}

/** True where `inner` is a narrower prefix inside `outer`. */
function isWithin(outer: Prefix, inner: Prefix): boolean {
  return outer.bits < inner.bits && contains(outer, inner.address);
}

function isSame(a: Prefix, b: Prefix): boolean {
  return a.text === b.text;
}

function distinct(prefixes: readonly Prefix[]): readonly Prefix[] {
  return [...new Map(prefixes.map((prefix) => [prefix.text, prefix])).values()];
}

function whole(prefix: Prefix, label: string): Refused {
  return { prefix, label, ports: null };
}

function fixed(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new Error(`${text} is no prefix`);
  return prefix;
}
