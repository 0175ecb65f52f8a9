/**
 * NetworkPolicies as nftables rules, as a CNI that enforces them does it: a pod that a policy selects may do what some
 * policy of it allows and nothing else. On the packet after the Service's translation, in both families.
 */
import { isIP } from 'node:net';
import type { Labels, NetworkPolicy, Peer, Port } from './rendered.js';

export interface Pod {
  readonly addresses: readonly string[];
  /** The node's end of its link. */
  readonly link: string;
  readonly namespace: string;
  readonly labels: Labels;
}

export interface World {
  readonly pods: readonly Pod[];
  readonly namespaces: Readonly<Record<string, Labels>>;
}

const TABLE = 'policies';

/**
 * How engines differ: in what they do with a packet, in whether what goes to the pod's own node is theirs, too, and in
 * whether they know a pod by its link or by the address that a packet says it comes from.
 */
export interface Enforcement {
  readonly refuse: 'drop' | 'reject';
  readonly node: 'closed' | 'open';
  readonly by?: 'link' | 'address';
}

/** In place of what was in force. */
export function engineRules(
  policies: readonly NetworkPolicy[],
  world: World,
  { refuse, node, by = 'link' }: Enforcement = { refuse: 'drop', node: 'closed' },
): string {
  const refusal = refuse === 'drop' ? ['drop'] : ['meta l4proto tcp reject with tcp reset', 'reject'];
  const chains = world.pods.flatMap((pod, i) => podChains(policies, world, pod, i, refusal));
  const jumps = (direction: Direction) =>
    world.pods.flatMap((pod, i) =>
      selecting(policies, pod, direction).length > 0
        ? packetsOf(pod, direction, by).map((match) => `${match} jump ${chainName(direction, i)}`)
        : [],
    );
  return [
    `table inet ${TABLE}`,
    `delete table inet ${TABLE}`,
    `table inet ${TABLE} {`,
    ...chains,
    ...hook('forward', [...BEFORE, ...jumps('Egress'), ...jumps('Ingress')]),
    // The way to the pod's own node, and by it to the API server.
    ...(node === 'closed' ? hook('input', [...BEFORE, ...jumps('Egress')]) : []),
    '}',
    '',
  ].join('\n');
}

/** As a cluster whose CNI knows no policies. */
export const NO_ENGINE = `table inet ${TABLE}\ndelete table inet ${TABLE}\n`;

/** Without neighbour discovery (RFC 4861) there would be no IPv6 at all. */
const BEFORE = [
  'ct state established,related accept',
  'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept',
];

type Direction = 'Ingress' | 'Egress';

function packetsOf({ addresses, link }: Pod, direction: Direction, by: 'link' | 'address'): string[] {
  if (by === 'link') return [`${direction === 'Egress' ? 'iifname' : 'oifname'} "${link}"`];
  return addresses.map((address) => matchOf(address, direction === 'Egress' ? 'saddr' : 'daddr'));
}

/** Of an address, or of a prefix. */
function matchOf(text: string, side: string, not = ''): string {
  return `${isIP(text.split('/')[0] ?? '') === 6 ? 'ip6' : 'ip'} ${side} ${not}${text}`;
}

function podChains(
  policies: readonly NetworkPolicy[],
  world: World,
  pod: Pod,
  index: number,
  refusal: readonly string[],
): string[] {
  return (['Egress', 'Ingress'] as const).flatMap((direction) => {
    const mine = selecting(policies, pod, direction);
    if (mine.length === 0) return [];
    const rules = mine.flatMap((policy) => policyRules(policy, world, direction));
    return [
      `  chain ${chainName(direction, index)} {`,
      ...rules.map((rule) => `    ${rule} return`),
      ...refusal.map((rule) => `    ${rule}`),
      '  }',
    ];
  });
}

function policyRules({ metadata, spec }: NetworkPolicy, world: World, direction: Direction): string[] {
  const rules =
    direction === 'Egress'
      ? (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
      : (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }));
  return rules.flatMap(({ peers, ports }) =>
    matchesOf(peers, metadata.namespace, world, direction === 'Egress' ? 'daddr' : 'saddr').flatMap((peer) =>
      portMatches(ports).map((port) => `${peer} ${port}`.trim()),
    ),
  );
}

/** Without peers, everybody. */
function matchesOf(peers: readonly Peer[] | undefined, namespace: string, world: World, side: string): string[] {
  if (peers === undefined || peers.length === 0) return [''];
  return peers.flatMap((peer) => {
    if (peer.ipBlock !== undefined) return [blockMatch(peer.ipBlock, side)];
    const pods = world.pods.filter((pod) => isPeer(peer, pod, namespace, world));
    return pods.flatMap(({ addresses }) => addresses.map((address) => matchOf(address, side)));
  });
}

/** One match for each exception: a set of nftables holds no prefix inside of another one. */
function blockMatch({ cidr, except = [] }: NonNullable<Peer['ipBlock']>, side: string): string {
  return [matchOf(cidr, side), ...except.map((text) => matchOf(text, side, '!= '))].join(' ');
}

function isPeer({ namespaceSelector, podSelector }: Peer, pod: Pod, namespace: string, { namespaces }: World): boolean {
  const inNamespace =
    namespaceSelector === undefined
      ? pod.namespace === namespace
      : hasLabels(namespaces[pod.namespace] ?? {}, namespaceSelector.matchLabels);
  return inNamespace && hasLabels(pod.labels, podSelector?.matchLabels);
}

/** Without ports, every port of every protocol. */
function portMatches(ports: readonly Port[] | undefined): string[] {
  if (ports === undefined || ports.length === 0) return [''];
  return ports.map(({ port, endPort, protocol = 'TCP' }) => {
    if (port === undefined) return `meta l4proto ${protocol.toLowerCase()}`;
    return `${protocol.toLowerCase()} dport ${endPort === undefined ? port : `${port}-${endPort}`}`;
  });
}

function selecting(policies: readonly NetworkPolicy[], pod: Pod, direction: Direction): NetworkPolicy[] {
  return policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.namespace &&
      hasLabels(pod.labels, spec.podSelector.matchLabels) &&
      spec.policyTypes.includes(direction),
  );
}

function hasLabels(labels: Labels, wanted: Labels = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

function chainName(direction: Direction, index: number): string {
  return `${direction.toLowerCase()}_${index}`;
}

function hook(name: 'forward' | 'input', rules: readonly string[]): string[] {
  const type = `type filter hook ${name} priority 0; policy accept;`;
  return [`  chain ${name} {`, `    ${type}`, ...rules.map((rule) => `    ${rule}`), '  }'];
}
