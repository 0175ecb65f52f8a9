/**
 * NetworkPolicies as nftables rules, as a CNI that enforces them does it: a pod that a policy selects may do what some
 * policy of it allows and nothing else. On the packet after the Service's translation, IPv4 only.
 */
import type { Labels, NetworkPolicy, Peer, Port } from './rendered.js';

export interface Pod {
  readonly address: string;
  readonly namespace: string;
  readonly labels: Labels;
}

export interface World {
  readonly pods: readonly Pod[];
  readonly namespaces: Readonly<Record<string, Labels>>;
}

const TABLE = 'policies';

/** How engines differ: in what they do with a packet, and in whether what goes to the pod's own node is theirs, too. */
export interface Enforcement {
  readonly refuse: 'drop' | 'reject';
  readonly node: 'closed' | 'open';
}

/** In place of what was in force. */
export function engineRules(
  policies: readonly NetworkPolicy[],
  world: World,
  { refuse, node }: Enforcement = { refuse: 'drop', node: 'closed' },
): string {
  const refusal = refuse === 'drop' ? ['drop'] : ['meta l4proto tcp reject with tcp reset', 'reject'];
  const chains = world.pods.flatMap((pod, i) => podChains(policies, world, pod, i, refusal));
  const jumps = (direction: Direction) =>
    world.pods.flatMap((pod, i) =>
      isIsolated(policies, pod, direction)
        ? [`ip ${direction === 'Egress' ? 's' : 'd'}addr ${pod.address} jump ${chainName(direction, i)}`]
        : [],
    );
  return [
    `table ip ${TABLE}`,
    `delete table ip ${TABLE}`,
    `table ip ${TABLE} {`,
    ...chains,
    ...hook('forward', ['ct state established,related accept', ...jumps('Egress'), ...jumps('Ingress')]),
    // The way to the pod's own node, and by it to the API server.
    ...(node === 'closed' ? hook('input', ['ct state established,related accept', ...jumps('Egress')]) : []),
    '}',
    '',
  ].join('\n');
}

/** As a cluster whose CNI knows no policies. */
export const NO_ENGINE = `table ip ${TABLE}\ndelete table ip ${TABLE}\n`;

type Direction = 'Ingress' | 'Egress';

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
    if (peer.ipBlock !== undefined) return blockMatch(peer.ipBlock, side);
    return world.pods
      .filter((pod) => isPeer(peer, pod, namespace, world))
      .map(({ address }) => `ip ${side} ${address}`);
  });
}

function blockMatch({ cidr, except = [] }: NonNullable<Peer['ipBlock']>, side: string): string[] {
  if (cidr.includes(':')) return [];
  const but = except.length === 0 ? '' : ` ip ${side} != { ${except.join(', ')} }`;
  return [`ip ${side} ${cidr}${but}`];
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
  return ports.map(({ port, protocol = 'TCP' }) =>
    port === undefined ? `meta l4proto ${protocol.toLowerCase()}` : `${protocol.toLowerCase()} dport ${port}`,
  );
}

function isIsolated(policies: readonly NetworkPolicy[], pod: Pod, direction: Direction): boolean {
  return selecting(policies, pod, direction).length > 0;
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
