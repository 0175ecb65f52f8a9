/** The gateway's own egress as a NetworkPolicy (networking.k8s.io/v1). */
import type { PortRange } from '../core/policy.js';
import {
  type DnsPeer,
  FENCE_NAME,
  type Fence,
  GATEWAY_LABELS,
  head,
  indent,
  item,
  labelLines,
  NAMESPACE_LABEL,
  type ParentPeer,
} from './gateway-fence.js';
import type { HostRules } from './host-rules.js';
import { type Opening, openings } from './openings.js';
import type { Cover } from './prefixes.js';

export function networkPolicyText(rules: HostRules, fence: Fence): string {
  const lines = [
    ...head('networkpolicy', [...rules.notes, ...fence.notes]),
    'apiVersion: networking.k8s.io/v1',
    'kind: NetworkPolicy',
    'metadata:',
    `  name: ${FENCE_NAME}`,
    `  namespace: ${JSON.stringify(fence.namespace)}`,
    'spec:',
    '  podSelector:',
    '    matchLabels:',
    ...indent(indent(indent(labelLines(GATEWAY_LABELS)))),
    '  policyTypes: [Egress]',
    '  egress:',
    ...indent(indent(egressLines(rules, fence))),
  ];
  return `${lines.join('\n')}\n`;
}

/** The list under `egress:`, in YAML: names, the parent proxy, and then what the policy opens, rule by rule. */
export function egressLines(rules: HostRules, fence: Pick<Fence, 'dns' | 'parents'>): string[] {
  const addresses = byRule(openings(rules));
  return [
    ...fence.dns.flatMap(dnsRule),
    ...fence.parents.flatMap(parentRule),
    ...addresses.flatMap(({ why, ports, peers }) => item([`to: # ${why}`, ...indent(peers), ...portLines(ports)])),
  ];
}

interface AddressesRule {
  readonly why: string;
  readonly ports: readonly PortRange[] | null;
  readonly peers: readonly string[];
}

/** One rule for all parts of an opening that have the same ports. */
function byRule(all: readonly Opening[]): readonly AddressesRule[] {
  const found = new Map<string, { why: string; ports: readonly PortRange[] | null; peers: string[] }>();
  for (const { why, ports, prefix, except } of all) {
    const key = JSON.stringify([why, ports]);
    const rule = found.get(key) ?? { why, ports, peers: [] };
    rule.peers.push(...ipBlock(prefix.text, except));
    found.set(key, rule);
  }
  return [...found.values()];
}

function ipBlock(cidr: string, except: readonly Cover[]): string[] {
  const lines = except.map(({ prefix, label }) => `    - "${prefix.text}" # ${label}`);
  return item(['ipBlock:', `  cidr: "${cidr}"`, ...(lines.length > 0 ? ['  except:', ...lines] : [])]);
}

function dnsRule(peer: DnsPeer): string[] {
  if (peer.kind === 'address')
    return item(['to:', ...indent(ipBlock(peer.prefix.text, [])), ...ports(['UDP', 'TCP'], peer.port)]);
  const namespace = { [NAMESPACE_LABEL]: peer.namespace };
  const selectors = [...selector('namespaceSelector', namespace), ...selector('podSelector', peer.labels)];
  return item(['to:', ...indent(item(selectors)), ...ports(['UDP', 'TCP'], 53)]);
}

function parentRule({ prefix, port }: ParentPeer): string[] {
  return item(['to:', ...indent(ipBlock(prefix.text, [])), ...ports(['TCP'], port)]);
}

function selector(name: string, labels: Readonly<Record<string, string>>): string[] {
  return [`${name}:`, '  matchLabels:', ...indent(indent(labelLines(labels)))];
}

function ports(protocols: readonly string[], port: number): string[] {
  return ['ports:', ...protocols.map((protocol) => `  - { protocol: ${protocol}, port: ${port} }`)];
}

function portLines(ranges: readonly PortRange[] | null): string[] {
  if (ranges === null) return ['ports:', '  - { protocol: TCP }'];
  return ['ports:', ...ranges.map((range) => `  - { protocol: TCP, ${portText(range)} }`)];
}

function portText({ from, to }: PortRange): string {
  return from === to ? `port: ${from}` : `port: ${from}, endPort: ${to}`;
}
