/** Who is where in the cluster of the tests, in both families, and what its API says of them. */
import type { World } from './policy-engine.js';
import { readRendered } from './rendered.js';

export const NODE = ['172.30.0.1', 'fd00:30::1'] as const;
export const API_SERVER = ['10.96.0.1', 'fd00:10:96::1'] as const;
export const DNS_SERVICE = ['10.96.0.10', 'fd00:10:96::a'] as const;
/** A Service of type LoadBalancer, which leads to the neighbour of the tool. */
export const LOAD_BALANCER = ['5.5.5.77', '2a01:5::77'] as const;
/** The IPv6 address of the gateway's Service; the IPv4 one is in the manifest. */
export const GATEWAY6 = 'fd00:10:96::250';
export const PODS = {
  tool: ['10.244.1.7', 'fd00:10:244:1::7'],
  neighbour: ['10.244.1.9', 'fd00:10:244:1::9'],
  gw1: ['10.244.1.21', 'fd00:10:244:1::21'],
  gw2: ['10.244.1.22', 'fd00:10:244:1::22'],
  gw3: ['10.244.1.23', 'fd00:10:244:1::23'],
  dns: ['10.244.1.53', 'fd00:10:244:1::53'],
} as const;
export const PUBLIC = ['5.5.5.20', '2a01:5::20'] as const;
/** What answers outside of the cluster, too: other networks, NAT64, and a host that the probe knows by heart. */
export const ELSEWHERE = ['192.168.0.0/16', '169.254.0.0/16', '100.64.0.0/10', '198.18.0.0/15'].concat([
  '64:ff9b::/96',
  '2002::/16',
  '2001:db8:f::/48',
  'fd00:ec2::/32',
  'fec0::/10',
  '2606:4700:4700::1111/128',
]);

export type Gateway = 'gw1' | 'gw2' | 'gw3';
export type Seat = keyof typeof PODS | 'node' | 'public';

export const GATEWAYS: readonly Gateway[] = ['gw1', 'gw2', 'gw3'];
export const POD_SEATS: readonly (keyof typeof PODS)[] = ['tool', 'neighbour', 'gw1', 'gw2', 'gw3', 'dns'];

export const rendered = readRendered();
export const TOOLS = rendered.toolsNamespace.name;

/** The node's end of a pod's link. */
export const linkOf = (seat: Seat): string => `to-${seat}`;

const place = (seat: keyof typeof PODS) => ({ addresses: PODS[seat], link: linkOf(seat) });

export const WORLD: World = {
  namespaces: {
    [TOOLS]: { 'kubernetes.io/metadata.name': TOOLS, ...rendered.toolsNamespace.labels },
    egress: { 'kubernetes.io/metadata.name': 'egress' },
    'kube-system': { 'kubernetes.io/metadata.name': 'kube-system' },
  },
  pods: [
    { ...place('tool'), namespace: TOOLS, labels: { app: 'github' } },
    { ...place('neighbour'), namespace: TOOLS, labels: { app: 'slack' } },
    ...GATEWAYS.map((seat) => ({ ...place(seat), namespace: 'egress', labels: rendered.gatewayLabels })),
    { ...place('dns'), namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
  ],
};

/** The rendered listeners for both families, and what they say of themselves. */
export const DUAL_STACK = {
  listen: { proxy: '[::]:3128', socks: '[::]:1080', metrics: '[::]:9181' },
  steer: {
    dns: '[::]:5353',
    http: '[::]:8080',
    tls: '[::]:8443',
    address: [rendered.clusterIp, GATEWAY6],
    peers: ['10.244.0.0/16', 'fd00:10:244::/56'],
  },
};

/** What a tool's container has in its environment. */
export const TOOL_ENV: Readonly<Record<string, string>> = {
  ...rendered.clientEnv,
  KUBERNETES_SERVICE_HOST: API_SERVER[0],
  KUBERNETES_SERVICE_PORT: '443',
  EGRESS_PROBE_NODE: NODE.join(','),
};
