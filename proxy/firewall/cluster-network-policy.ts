/**
 * The gateway's own egress as ClusterNetworkPolicies (policy.networking.k8s.io/v1alpha2) of the Admin tier, which no
 * NetworkPolicy can open again. The steps of judgement.ts in their order. What they let through is passed on to the
 * NetworkPolicies and never accepted: they must not open what somebody else closes.
 */
import type { Prefix } from '../core/address.js';
import type { PortRange } from '../core/policy.js';
import {
  type DnsPeer,
  FENCE_NAME,
  type Fence,
  GATEWAY_LABELS,
  head,
  indent,
  item,
  type Labels,
  labelLines,
  NAMESPACE_LABEL,
} from './gateway-fence.js';
import type { AddressRule, Family, HostRules } from './host-rules.js';
import { judgementSteps, nat64Steps, type Step } from './judgement.js';
import { nat64Form } from './prefixes.js';

/** The API takes no more in one object, and no more addresses in one peer, no more peers in one rule. */
const MOST = 25;
/** 0 to 1000, the lowest first. */
const FIRST_PRIORITY = 100;
const EVERYWHERE: Readonly<Record<Family, string>> = { 4: '0.0.0.0/0', 6: '::/0' };
const ALL_PORTS: PortRange = { from: 1, to: 65_535 };

interface ClusterRule {
  readonly name: string;
  readonly action: 'Deny' | 'Pass';
  readonly to: readonly string[];
  readonly protocols: readonly string[];
}

export function clusterNetworkPolicyText(rules: HostRules, fence: Fence): string {
  const objects = chunks(clusterRules(rules, fence)).map((some, i) => policyLines(some, i, fence).join('\n'));
  const notes = head('clusternetworkpolicy', [...rules.notes, ...fence.notes]).join('\n');
  return `${notes}\n${objects.join('\n---\n')}\n`;
}

function policyLines(some: readonly ClusterRule[], index: number, { namespace }: Fence): string[] {
  return [
    'apiVersion: policy.networking.k8s.io/v1alpha2',
    'kind: ClusterNetworkPolicy',
    'metadata:',
    `  name: ${FENCE_NAME}${index === 0 ? '' : `-${index + 1}`}`,
    'spec:',
    '  tier: Admin',
    `  priority: ${FIRST_PRIORITY + index}`,
    '  subject:',
    ...indent(indent(podsLines(namespace, GATEWAY_LABELS))),
    '  egress:',
    ...indent(indent(some.flatMap(ruleLines))),
  ];
}

/** IPv4, then IPv4 behind NAT64 with its own default, then IPv6: NAT64 prefixes lie in what IPv6 refuses. */
function clusterRules(rules: HostRules, { dns, parents }: Fence): readonly ClusterRule[] {
  const nat64 = rules.nat64.map(({ text }) => text);
  const steps = (some: readonly Step[]) => some.flatMap(fromStep);
  return [
    ...dns.map(dnsRule),
    ...parents.map(({ prefix, port }) => pass('parent', [prefix.text], [{ from: port, to: port }])),
    ...steps(judgementSteps(rules, 4)),
    ...steps(nat64Steps(rules)),
    ...byDefault(rules, nat64, (prefix) => wrapped(rules, prefix)),
    deny('nat64', [...nat64, ...rules.nat64Refused.map(({ text }) => text)]),
    ...steps(judgementSteps(rules, 6)),
    ...byDefault(rules, [EVERYWHERE[4], EVERYWHERE[6]], (prefix) => [prefix.text]),
    deny('everything-else', [EVERYWHERE[4], EVERYWHERE[6]]),
  ];
}

/** `everywhere`: what a rule without an address is about. `form`: what an address looks like here; empty: it is not found here. */
function byDefault(rules: HostRules, everywhere: readonly string[], form: (prefix: Prefix) => string[]): ClusterRule[] {
  if (rules.default === 'public') return [pass('default', everywhere, [ALL_PORTS])];
  return rules.allow.flatMap(({ id, prefix, ports }) => {
    const networks = prefix === null ? everywhere : form(prefix);
    return networks.length === 0 ? [] : [pass(id, networks, ports ?? [ALL_PORTS])];
  });
}

function wrapped(rules: HostRules, prefix: Prefix): string[] {
  return prefix.address.family === 4 ? rules.nat64.map((own) => nat64Form(own, prefix).text) : [];
}

function fromStep(step: Step): ClusterRule[] {
  if (step.kind === 'isatap') return [];
  if (step.kind === 'ranges') {
    return [
      deny(
        step.set,
        step.covers.map(({ prefix }) => prefix.text),
      ),
    ];
  }
  return [fromRule(step.rule, step.verdict)];
}

function fromRule({ id, prefix, ports, protocols }: AddressRule, verdict: 'refuse' | 'pass'): ClusterRule {
  const networks = prefix === null ? [EVERYWHERE[4], EVERYWHERE[6]] : [prefix.text];
  if (verdict === 'pass') return pass(id, networks, ports ?? [ALL_PORTS]);
  const refused = (ports ?? []).flatMap((range) => protocols.map((protocol) => portText(protocol, range)));
  return { ...deny(id, networks), protocols: refused };
}

function dnsRule(peer: DnsPeer): ClusterRule {
  const to = peer.kind === 'address' ? networkPeers([peer.prefix.text]) : item(podsLines(peer.namespace, peer.labels));
  const port = peer.kind === 'address' ? peer.port : 53;
  const protocols = (['udp', 'tcp'] as const).map((protocol) => portText(protocol, { from: port, to: port }));
  return { name: 'dns', action: 'Pass', to, protocols };
}

function pass(name: string, networks: readonly string[], ports: readonly PortRange[]): ClusterRule {
  return { name, action: 'Pass', to: networkPeers(networks), protocols: ports.map((range) => portText('tcp', range)) };
}

function deny(name: string, networks: readonly string[]): ClusterRule {
  return { name, action: 'Deny', to: networkPeers(networks), protocols: [] };
}

function networkPeers(networks: readonly string[]): string[] {
  return chunks(networks).flatMap((some) => item(['networks:', ...some.map((network) => `  - "${network}"`)]));
}

function podsLines(namespace: string, labels: Labels): string[] {
  const selector = (name: string, own: Labels) => [
    `  ${name}:`,
    '    matchLabels:',
    ...indent(indent(indent(labelLines(own)))),
  ];
  return [
    'pods:',
    ...selector('namespaceSelector', { [NAMESPACE_LABEL]: namespace }),
    ...selector('podSelector', labels),
  ];
}

function ruleLines({ name, action, to, protocols }: ClusterRule): string[] {
  const ends = protocols.length === 0 ? [] : ['protocols:', ...protocols.map((text) => `  - ${text}`)];
  return item([`name: ${JSON.stringify(name)}`, `action: ${action}`, 'to:', ...indent(to), ...ends]);
}

function portText(protocol: 'tcp' | 'udp', { from, to }: PortRange): string {
  const port = from === to ? `number: ${from}` : `range: { start: ${Math.max(from, 1)}, end: ${to} }`;
  return `{ ${protocol}: { destinationPort: { ${port} } } }`;
}

function chunks<T>(all: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(all.length / MOST);
  return Array.from({ length: count }, (_, i) => all.slice(i * MOST, (i + 1) * MOST));
}
