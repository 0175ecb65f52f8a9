/**
 * What a packet filter around the proxy itself may hold: all that the proxy may ever connect to, and no more than that.
 *
 * The host rules around the tools are the stricter side of a rule that a packet does not show; a fence around the proxy
 * has to be the wider one, or it would close what the proxy allows to one of its clients. What no rule opens (never,
 * and special-purpose addresses without an exception) is closed in both. `internal` by host name opens nothing here:
 * the address is not known, and all private ones would be the hole that the fence is for.
 */
import type { Policy, Rule } from '../core/policy.js';
import { type AddressRule, type HostRules, hostRules } from './host-rules.js';

export function gatewayRules(policy: Policy): HostRules {
  const isPublic = [policy, ...policy.perClient.values()].some((one) => one.default === 'public');
  return {
    ...hostRules(policy),
    deny: policy.deny.filter(isForAll).map((rule) => addressRule(rule, ['tcp', 'udp'])),
    internal: policy.internal.filter((rule) => rule.address !== null).map((rule) => addressRule(rule, ['tcp'])),
    allow: isPublic ? [] : policy.allow.map((rule) => addressRule(rule, ['tcp'])),
    default: isPublic ? 'public' : 'none',
    notes: notes(policy),
  };
}

/** A `deny` that is limited to a host or to clients is left to the proxy, which sees both. */
function isForAll(rule: Rule): boolean {
  return rule.host === null && rule.clients === null && (rule.address !== null || rule.ports !== null);
}

/** A rule by host name opens every public address at its ports: which of them are the host's, the proxy sees. */
function addressRule(rule: Rule, protocols: AddressRule['protocols']): AddressRule {
  return { id: rule.id, prefix: rule.address, ports: rule.ports, protocols };
}

function notes(policy: Policy): string[] {
  const byName = policy.internal.filter((rule) => rule.address === null);
  return [
    ...byName.map(({ id }) => `${id} names a host, whose addresses are not known here: add a rule for its pods.`),
    ...policy.nat64
      .filter(({ bits }) => bits !== 96)
      .map(({ text }) => `${text} (NAT64, not 96 bits) is closed whole.`),
    ...(policy.mode === 'report' ? ['mode is report: these rules are enforced all the same.'] : []),
  ];
}
