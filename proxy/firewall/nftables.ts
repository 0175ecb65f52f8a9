/**
 * The nftables form: input for `nft -f`, our one table, replaced in one transaction. Its chains come before
 * those of Docker and of the host's owner; `accept` in them only hands the packet on to these.
 */
import type { PortRange } from '../core/policy.js';
import type { AddressRule, Family, HostRules } from './host-rules.js';
import { allowSteps, hostSteps, judgementSteps, nat64Steps, type Step } from './judgement.js';
import { each, type Line } from './template.js';

const TABLE = 'inet mcp_egress';

/** As in the iptables form: messages that make their sender a next hop. */
const MISDIRECTIONS = ['icmp type redirect', 'icmpv6 type { nd-router-advert, nd-redirect }'];

export function nftablesTemplate(rules: HostRules): readonly Line[] {
  return [
    ...nftablesRemovalTemplate(),
    `table ${TABLE} {`,
    ...sets(rules),
    ...chain('forward', ['type filter hook forward priority filter - 10; policy accept;', ...forward()]),
    ...chain('input', ['type filter hook input priority filter - 10; policy accept;', ...input()]),
    ...chain('judge', judge(rules)),
    ...chain('nat64', [...nat64Steps(rules).flatMap((step) => stepRules(6, step)), 'goto default']),
    ...chain('default', byDefault(rules)),
    ...chain('host', host(rules)),
    ...chain('refuse', [
      'limit rate 6/minute burst 10 packets log prefix "mcp-egress refused: "',
      // A rejection holds the start of what it rejects: never to a source that may be forged, it would carry it out.
      ...each('subnet4', 'ip saddr {} counter reject with icmpx type admin-prohibited'),
      ...each('egress4', 'ip saddr {} counter reject with icmpx type admin-prohibited'),
      ...each('subnet6', 'ip6 saddr {} counter reject with icmpx type admin-prohibited'),
      ...each('egress6', 'ip6 saddr {} counter reject with icmpx type admin-prohibited'),
      'ip6 saddr fe80::/10 counter reject with icmpx type admin-prohibited',
      'counter drop',
    ]),
    '}',
  ];
}

/** Declared before it is deleted, so that the deletion succeeds where there is no such table. */
export function nftablesRemovalTemplate(): readonly Line[] {
  return [`table ${TABLE}`, `delete table ${TABLE}`];
}

function forward(): Line[] {
  return [
    ...replies(),
    ...each('interface', ...MISDIRECTIONS.map((match) => `iifname "{}" oifname "{}" ${match} counter goto refuse`)),
    ...each('subnet4', 'ip saddr {} ip daddr {} counter accept'),
    ...each('subnet6', 'ip6 saddr {} ip6 daddr {} counter accept', 'ip6 saddr fe80::/10 ip6 daddr {} counter accept'),
    ...each(
      'interface',
      'iifname "{}" oifname "{}" ip daddr { 224.0.0.0/4, 255.255.255.255 } counter accept',
      'iifname "{}" oifname "{}" ip6 daddr { fe80::/10, ff00::/8 } counter accept',
      'iifname "{}" oifname "{}" counter goto refuse',
    ),
    ...selectors('judge'),
  ];
}

function input(): Line[] {
  return [
    ...replies(),
    ...selectors('host'),
    ...each('egress4', 'ip saddr {} counter goto host'),
    ...each('egress6', 'ip6 saddr {} counter goto host'),
    ...each('egressInterface', 'iifname "{}" counter goto host'),
  ];
}

/** Only the answering direction; neighbour discovery (RFC 4861) and listener reports (RFC 3810) stay on the link. */
function replies(): Line[] {
  return [
    'ct state established,related ct direction reply counter accept',
    'icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 counter accept',
    'icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } ip6 hoplimit 1 counter accept',
  ];
}

function selectors(target: string): Line[] {
  return [
    ...each('subnet4', `ip saddr {} counter goto ${target}`),
    ...each('subnet6', `ip6 saddr {} counter goto ${target}`),
    ...each('interface', `iifname "{}" counter goto ${target}`),
  ];
}

function judge(rules: HostRules): Line[] {
  return [
    ...namedResolvers(),
    'udp dport { 53, 853 } counter goto refuse',
    'tcp dport { 53, 853 } counter goto refuse',
    ...rules.nat64.map((prefix) => `ip6 daddr ${prefix.text} goto nat64`),
    ...rules.nat64Refused.map((prefix) => `ip6 daddr ${prefix.text} counter goto refuse`),
    ...bothFamilies((family) => judgementSteps(rules, family)),
    'goto default',
  ];
}

function byDefault(rules: HostRules): Line[] {
  if (rules.default === 'public') return ['accept'];
  return [...bothFamilies((family) => allowSteps(rules, family)), 'counter goto refuse'];
}

function host(rules: HostRules): Line[] {
  return [...namedResolvers(), ...bothFamilies((family) => hostSteps(rules, family)), 'counter goto refuse'];
}

function namedResolvers(): Line[] {
  return [
    ...each('dns4', 'ip daddr {} udp dport 53 counter accept', 'ip daddr {} tcp dport 53 counter accept'),
    ...each('dns6', 'ip6 daddr {} udp dport 53 counter accept', 'ip6 daddr {} tcp dport 53 counter accept'),
  ];
}

function bothFamilies(steps: (family: Family) => readonly Step[]): string[] {
  return ([4, 6] as const).flatMap((family) => steps(family).flatMap((step) => stepRules(family, step)));
}

function stepRules(family: Family, step: Step): string[] {
  const daddr = `${family === 4 ? 'ip' : 'ip6'} daddr`;
  if (step.kind === 'ranges') return [`${daddr} @${step.set} counter goto refuse`];
  if (step.kind === 'isatap') return [`${daddr} & ::fdff:ffff:0:0 == ::5efe:0:0 counter goto refuse`];
  const verdict = step.verdict === 'refuse' ? 'goto refuse' : 'accept';
  return policyRules(family, step.rule, verdict);
}

/** A rule without an address is in the steps of both families, and has to say which one it means. */
function policyRules(family: Family, rule: AddressRule, verdict: string): string[] {
  const anywhere = `meta nfproto ipv${family}`;
  const match = rule.prefix === null ? anywhere : `${family === 4 ? 'ip' : 'ip6'} daddr ${rule.prefix.text}`;
  const end = `counter ${verdict} comment "${rule.id}"`;
  if (rule.ports === null && verdict !== 'accept') return [`${match} ${end}`];
  const ports = (rule.ports ?? [{ from: 0, to: 65_535 }]).map(portText).join(', ');
  return rule.protocols.map((protocol) => `${match} ${protocol} dport { ${ports} } ${end}`);
}

function portText(ports: PortRange): string {
  return ports.from === ports.to ? `${ports.from}` : `${ports.from}-${ports.to}`;
}

function sets(rules: HostRules): string[] {
  const steps = [...judgementSteps(rules, 4), ...judgementSteps(rules, 6), ...nat64Steps(rules)];
  return steps.flatMap((step) => (step.kind === 'ranges' ? set(step) : []));
}

function set(step: Extract<Step, { kind: 'ranges' }>): string[] {
  const type = step.covers[0]?.prefix.address.family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const elements = step.covers.flatMap((row) => [
    `      ${row.prefix.text}, # ${row.label}`,
    ...row.covers.map((text) => `      # covers ${text}`),
  ]);
  return [
    `  set ${step.set} {`,
    `    type ${type}`,
    '    flags interval',
    '    elements = {',
    ...elements,
    '    }',
    '  }',
  ];
}

function chain(name: string, lines: readonly Line[]): Line[] {
  const indented = lines.map((line) =>
    typeof line === 'string' ? `    ${line}` : { ...line, text: `    ${line.text}` },
  );
  return [`  chain ${name} {`, ...indented, '  }'];
}
