/** The steps that a packet from the tools' network passes, in the order of the policy and without a filter's syntax. */
import type { Prefix } from '../core/address.js';
import type { AddressRule, Family, HostRules } from './host-rules.js';
import { type Cover, nat64Form } from './prefixes.js';

/** `verdict` refuse ends in refusal; pass ends the judgement and leaves the packet to everyone else's rules. */
export type Step =
  | { readonly kind: 'ranges'; readonly set: string; readonly covers: readonly Cover[] }
  | { readonly kind: 'rule'; readonly rule: AddressRule; readonly verdict: 'refuse' | 'pass' }
  | { readonly kind: 'isatap' };

/** Never, deny, internal, special: the steps before the default for destinations of one family. */
export function judgementSteps(rules: HostRules, family: Family): readonly Step[] {
  return [...firstSteps(rules, family), { kind: 'ranges', set: `special${family}`, covers: rules.special[family] }];
}

/**
 * The steps for the host's own addresses, all of which are refused: only an `internal` exception opens one, so without
 * exceptions there is nothing to judge.
 */
export function hostSteps(rules: HostRules, family: Family): readonly Step[] {
  return rules.internal.length === 0 ? [] : firstSteps(rules, family);
}

/** The same steps for an IPv4 address behind a NAT64 prefix. */
export function nat64Steps(rules: HostRules): readonly Step[] {
  const under = (prefix: Prefix) => rules.nat64.map((nat64) => nat64Form(nat64, prefix));
  const wrapCovers = (covers: readonly Cover[]) =>
    covers.flatMap((row) => under(row.prefix).map((prefix) => ({ ...row, prefix })));
  return judgementSteps(rules, 4).flatMap((step): Step[] => {
    if (step.kind === 'ranges') return [{ ...step, set: `nat64_${step.set}`, covers: wrapCovers(step.covers) }];
    if (step.kind === 'isatap') return [];
    const { prefix } = step.rule;
    if (prefix === null) return [step];
    return under(prefix).map((wrapped) => ({ ...step, rule: { ...step.rule, prefix: wrapped } }));
  });
}

/** What the default is made of: the `allow` rules by address, in both forms for IPv6. Empty for `public`. */
export function allowSteps(rules: HostRules, family: Family): readonly Step[] {
  const direct = rules.allow.filter((rule) => isOfFamily(rule, family));
  const wrapped = family === 4 ? [] : rules.allow.flatMap((rule) => wrapRule(rules, rule));
  return [...direct, ...wrapped].map((rule) => ({ kind: 'rule', rule, verdict: 'pass' }));
}

function firstSteps(rules: HostRules, family: Family): Step[] {
  const denials = rules.deny.filter((rule) => isOfFamily(rule, family));
  const exceptions = rules.internal.filter((rule) => rule.prefix !== null && isOfFamily(rule, family));
  return [
    { kind: 'ranges', set: `never${family}`, covers: rules.never[family] },
    ...(family === 6 ? [{ kind: 'isatap' } as const] : []),
    ...denials.map((rule) => ({ kind: 'rule', rule, verdict: 'refuse' }) as const),
    ...exceptions.map((rule) => ({ kind: 'rule', rule, verdict: 'pass' }) as const),
  ];
}

function wrapRule(rules: HostRules, rule: AddressRule): AddressRule[] {
  const { prefix } = rule;
  if (prefix === null || prefix.address.family === 6) return [];
  return rules.nat64.map((nat64) => ({ ...rule, prefix: nat64Form(nat64, prefix) }));
}

function isOfFamily(rule: AddressRule, family: Family): boolean {
  return rule.prefix === null || rule.prefix.address.family === family;
}
