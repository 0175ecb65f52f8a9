/**
 * The rules of one family as iptables-restore input, without its first and last line.
 *
 * None of our chains accepts: what they let through returns to the chains of Docker and of the host's owner. Judging is
 * entered by `-g`, so RETURN there leaves all our chains at once.
 */
import type { PortRange } from '../core/policy.js';
import type { AddressRule, Family, HostRules } from './host-rules.js';
import { allowSteps, hostSteps, judgementSteps, nat64Steps, type Step } from './judgement.js';
import type { Cover } from './prefixes.js';
import { each, type Line } from './template.js';

export const FORWARD = 'MCP-EGRESS-FORWARD';
export const INPUT = 'MCP-EGRESS-INPUT';
const JUDGE = 'MCP-EGRESS-JUDGE';
const NAT64 = 'MCP-EGRESS-NAT64';
const DEFAULT = 'MCP-EGRESS-DEFAULT';
const HOST = 'MCP-EGRESS-HOST';
const REFUSE = 'MCP-EGRESS-REFUSE';

/** RFC 4861: valid only with hop limit 255, so only on a link; without them no neighbour finds the other. */
const NEIGHBOUR_DISCOVERY = [133, 135, 136];
/** RFC 2710, RFC 3810: multicast listener reports never leave the link (hop limit 1). */
const LISTENER_REPORTS = [131, 132, 143];
/** DNS, and DNS over TLS and QUIC. */
const DNS_PORTS = [53, 853];

/** ISATAP (RFC 5214): the interface identifier 0000:5efe or 0200:5efe under any prefix; a mask, for want of a prefix. */
const ISATAP = '::5efe:0:0/::fdff:ffff:0:0';

/** Messages that make their sender a next hop: redirects (RFC 792, RFC 4861), router advertisements (RFC 4861). */
const MISDIRECTIONS: Readonly<Record<Family, readonly string[]>> = {
  4: ['-p icmp -m icmp --icmp-type 5'],
  6: ['-p ipv6-icmp -m icmp6 --icmpv6-type 134', '-p ipv6-icmp -m icmp6 --icmpv6-type 137'],
};
/** No router sends these on. */
const ON_LINK: Readonly<Record<Family, readonly string[]>> = {
  4: ['224.0.0.0/4', '255.255.255.255/32'],
  6: ['fe80::/10', 'ff00::/8'],
};

export function familyRules(rules: HostRules, family: Family): Line[] {
  const chains = [FORWARD, INPUT, JUDGE, ...(family === 6 ? [NAT64] : []), DEFAULT, HOST, REFUSE];
  return [
    ...chains.map((chain) => `:${chain} - [0:0]`),
    ...forward(family),
    ...input(family),
    ...judge(rules, family),
    ...(family === 6 ? nat64(rules) : []),
    ...byDefault(rules, family),
    ...host(rules, family),
    ...refuse(family),
  ];
}

function forward(family: Family): Line[] {
  const subnet = subnetSlot(family);
  return [
    replies(FORWARD),
    ...(family === 6 ? onLink(FORWARD) : []),
    '# From port to port of the bridge: seen here where br_netfilter is on for it. With raw sockets a tool writes any',
    '# address into a frame, and a neighbour whose kernel forwards would route it on.',
    ...each('interface', ...MISDIRECTIONS[family].map((match) => `-A ${FORWARD} -i {} -o {} ${match} -j ${REFUSE}`)),
    ...each(subnet, `-A ${FORWARD} -s {} -d {} -j RETURN`),
    ...(family === 6 ? each(subnet, `-A ${FORWARD} -s fe80::/10 -d {} -j RETURN`) : []),
    ...each('interface', ...ON_LINK[family].map((prefix) => `-A ${FORWARD} -d ${prefix} -i {} -o {} -j RETURN`)),
    ...each('interface', `-A ${FORWARD} -i {} -o {} -j ${REFUSE}`),
    ...each(subnet, `-A ${FORWARD} -s {} -g ${JUDGE}`),
    ...each('interface', `-A ${FORWARD} -i {} -g ${JUDGE}`),
  ];
}

function input(family: Family): Line[] {
  return [
    replies(INPUT),
    ...(family === 6 ? onLink(INPUT) : []),
    ...each(subnetSlot(family), `-A ${INPUT} -s {} -g ${HOST}`),
    ...each('interface', `-A ${INPUT} -i {} -g ${HOST}`),
    '# From the sidecar, whose way out leads through the host and not to it.',
    ...each(family === 4 ? 'egress4' : 'egress6', `-A ${INPUT} -s {} -g ${HOST}`),
    ...each('egressInterface', `-A ${INPUT} -i {} -g ${HOST}`),
  ];
}

function judge(rules: HostRules, family: Family): Line[] {
  const decoded = family === 4 ? [] : rules.nat64.map((prefix) => `-A ${JUDGE} -d ${prefix.text} -g ${NAT64}`);
  const whole = family === 4 ? [] : rules.nat64Refused.map((prefix) => `-A ${JUDGE} -d ${prefix.text} -j ${REFUSE}`);
  return [
    ...namedResolvers(JUDGE, family),
    ...DNS_PORTS.flatMap((port) => [
      `-A ${JUDGE} -p udp -m udp --dport ${port} -j ${REFUSE}`,
      `-A ${JUDGE} -p tcp -m tcp --dport ${port} -j ${REFUSE}`,
    ]),
    ...decoded,
    ...whole,
    ...judgementSteps(rules, family).flatMap((step) => stepRules(JUDGE, step)),
    `-A ${JUDGE} -g ${DEFAULT}`,
  ];
}

function nat64(rules: HostRules): Line[] {
  return [...nat64Steps(rules).flatMap((step) => stepRules(NAT64, step)), `-A ${NAT64} -g ${DEFAULT}`];
}

function byDefault(rules: HostRules, family: Family): Line[] {
  const allowed = allowSteps(rules, family).flatMap((step) => stepRules(DEFAULT, step));
  return rules.default === 'public' ? [] : [...allowed, `-A ${DEFAULT} -j ${REFUSE}`];
}

function host(rules: HostRules, family: Family): Line[] {
  const exceptions = hostSteps(rules, family).flatMap((step) => stepRules(HOST, step));
  return [...namedResolvers(HOST, family), ...exceptions, `-A ${HOST} -j ${REFUSE}`];
}

function refuse(family: Family): Line[] {
  const reject = family === 4 ? 'icmp-admin-prohibited' : 'icmp6-adm-prohibited';
  return [
    `-A ${REFUSE} -m limit --limit 6/min --limit-burst 10 -j LOG --log-prefix "mcp-egress refused: "`,
    // A rejection holds the start of what it rejects: never to a source that may be forged, it would carry it out.
    ...each(subnetSlot(family), `-A ${REFUSE} -s {} -j REJECT --reject-with ${reject}`),
    ...each(family === 4 ? 'egress4' : 'egress6', `-A ${REFUSE} -s {} -j REJECT --reject-with ${reject}`),
    ...(family === 6 ? [`-A ${REFUSE} -s fe80::/10 -j REJECT --reject-with ${reject}`] : []),
    `-A ${REFUSE} -j DROP`,
  ];
}

/** Only the answering direction: a connection that a tool opened before the rules came is judged like a new one. */
function replies(chain: string): string {
  return `-A ${chain} -m conntrack --ctstate RELATED,ESTABLISHED --ctdir REPLY -j RETURN`;
}

function onLink(chain: string): string[] {
  const rule = (type: number, hops: number) =>
    `-A ${chain} -p ipv6-icmp -m icmp6 --icmpv6-type ${type} -m hl --hl-eq ${hops} -j RETURN`;
  return [...NEIGHBOUR_DISCOVERY.map((type) => rule(type, 255)), ...LISTENER_REPORTS.map((type) => rule(type, 1))];
}

function namedResolvers(chain: string, family: Family): Line[] {
  return each(
    family === 4 ? 'dns4' : 'dns6',
    `-A ${chain} -d {} -p udp -m udp --dport 53 -j RETURN`,
    `-A ${chain} -d {} -p tcp -m tcp --dport 53 -j RETURN`,
  );
}

function stepRules(chain: string, step: Step): string[] {
  if (step.kind === 'ranges') return step.covers.flatMap((row) => rangeRules(chain, row));
  if (step.kind === 'isatap') return [`-A ${chain} -d ${ISATAP} -m comment --comment "ISATAP (RFC 5214)" -j ${REFUSE}`];
  const target = step.verdict === 'refuse' ? REFUSE : 'RETURN';
  return policyRules(chain, step.rule, target);
}

function rangeRules(chain: string, row: Cover): string[] {
  return [
    ...row.covers.map((text) => `# covers ${text}`),
    `-A ${chain} -d ${row.prefix.text} -m comment --comment "${row.label}" -j ${REFUSE}`,
  ];
}

function policyRules(chain: string, rule: AddressRule, target: string): string[] {
  const destination = rule.prefix === null ? '' : ` -d ${rule.prefix.text}`;
  const end = ` -m comment --comment "${rule.id}" -j ${target}`;
  if (rule.ports === null && target === REFUSE) return [`-A ${chain}${destination}${end}`];
  return rule.protocols.flatMap((protocol) =>
    (rule.ports ?? [{ from: 0, to: 65_535 }]).map(
      (ports) => `-A ${chain}${destination} -p ${protocol} -m ${protocol} --dport ${portText(ports)}${end}`,
    ),
  );
}

function portText(ports: PortRange): string {
  return ports.from === ports.to ? `${ports.from}` : `${ports.from}:${ports.to}`;
}

function subnetSlot(family: Family): 'subnet4' | 'subnet6' {
  return family === 4 ? 'subnet4' : 'subnet6';
}
