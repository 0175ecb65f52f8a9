/** What an open way means and how to close it, with Docker and in a cluster. */
import type { Area } from './try.js';

export interface Advice {
  readonly meaning: string;
  readonly remedy: string;
}

/** What can close ways here: Docker's networks, or a cluster's NetworkPolicy. */
export type Place = 'docker' | 'kubernetes';

export function adviceOf(area: Area, place: Place): Advice {
  if (isOfCluster(area)) return CLUSTER[area];
  return (place === 'kubernetes' ? IN_CLUSTER[area] : undefined) ?? DOCKER[area];
}

type ClusterArea = 'node' | 'api-server' | 'kube-dns' | 'service-account' | 'pods';

export const INTERNAL_ONLY = 'put the tool on the internal tools network only: `networks: !override`, `internal: true`';
const INHIBIT = 'set the network option com.docker.network.bridge.inhibit_ipv4 to "true" and recreate the network';
const PROXY_POLICY = 'remove the `internal` exception that covers it, or the proxy in front of this one';

const DOCKER: Readonly<Record<Exclude<Area, ClusterArea>, Advice>> = {
  variables: {
    meaning: 'clients that read this variable do not use the proxy',
    remedy: 'set all six: HTTP_PROXY, HTTPS_PROXY, NO_PROXY and their lower-case forms, the URLs with http://',
  },
  proxy: {
    meaning: 'the one way out does not answer',
    remedy: 'start egress-proxy, and put it on the network of the tool',
  },
  public: { meaning: 'a public address can be reached without the proxy', remedy: INTERNAL_ONLY },
  private: { meaning: 'a private network can be reached without the proxy', remedy: INTERNAL_ONLY },
  host: { meaning: 'the host answers on the bridge, with every service that listens on 0.0.0.0', remedy: INHIBIT },
  stack: {
    meaning: 'a service of the stack can be reached without the proxy',
    remedy: 'take it off the tools network, and allow what is needed by an `internal` exception',
  },
  named: { meaning: 'what you named can be reached without the proxy', remedy: INTERNAL_ONLY },
  dns: { meaning: 'a DNS server outside can be reached: queries can carry data out', remedy: INTERNAL_ONLY },
  names: {
    meaning: 'the resolver of this network forwards queries: names can carry data out',
    remedy:
      'use Docker Engine 26.0, 25.0.5, 23.0.11 or newer with an internal network (CVE-2024-29018), or `dns:` with the address of the proxy',
  },
  metadata: {
    meaning: 'cloud metadata, and with it the credentials of the machine, can be reached',
    remedy: INTERNAL_ONLY,
  },
  ipv6: { meaning: 'IPv6 leads around the proxy', remedy: 'set `enable_ipv6: false` on the tools network' },
  udp: { meaning: 'UDP leads around the proxy', remedy: INTERNAL_ONLY },
  icmp: { meaning: 'ICMP echo leads around the proxy, and carries bytes', remedy: INTERNAL_ONLY },
  admin: {
    meaning: 'tools can reach the admin API of the proxy',
    remedy: 'keep listen.admin on 127.0.0.1, or on an address of another network with admin.token',
  },
  gateway: {
    meaning: 'it asks for no token: through it, a tool can call every other tool with the credentials of that tool',
    remedy: 'set MCP_GATEWAY_AUTH_TOKEN, or use the spawn guard, which gives each server a network of its own',
  },
  relay: {
    meaning: 'the relay to the gateway serves a tool, which can call every other tool through it',
    remedy:
      'bind listen.proxy or a steering door to the address of the proxy on the tools network: clients there are then refused',
  },
  'docker-socket': {
    meaning: 'whoever holds this socket is root on the host',
    remedy: 'do not mount it into a tool; only the gateway may have it',
  },
  forwarding: {
    meaning:
      'the kernel of the proxy routes frames that a tool with CAP_NET_RAW writes: past the proxy, to all its networks',
    remedy:
      'set the sysctls of compose.override.yml on the proxy: net.ipv4.ip_forward and net.ipv6.conf.all.forwarding to 0',
  },
  'host-by-proxy': {
    meaning: 'the proxy connects to the host itself, inside its firewall',
    remedy: 'name every address of the host in EGRESS_HOST_ADDRESSES',
  },
  'through-proxy': { meaning: 'the proxy lets a private address through', remedy: PROXY_POLICY },
  control: { meaning: '', remedy: '' },
  seat: { meaning: '', remedy: '' },
};

export const ENFORCED =
  'the CNI has to enforce NetworkPolicies (Calico, Cilium, kindnetd, Antrea, the engines of AWS, Azure and Google; flannel alone does not), and one for the namespace of the ' +
  'tools has to allow egress only to the pods of the proxy: docker/kubernetes/chart has it. Any other policy that selects the pod opens more';

const CLUSTER: Readonly<Record<ClusterArea, Advice>> = {
  node: {
    meaning: 'the node answers: its kubelet, what listens there, and every Service of type NodePort',
    remedy:
      'With many engines, NetworkPolicy leaves the node of the pod open: deny it there (Calico: HostEndpoint, or a GlobalNetworkPolicy for host networking; Cilium: ' +
      'host firewall), or by a firewall of the node for packets from the range of the pods',
  },
  'api-server': {
    meaning: 'the API server can be reached without the proxy: any token that it accepts opens the cluster',
    remedy: `${ENFORCED}. If the API server runs on the node of the pod, the firewall of that node has to close it`,
  },
  'kube-dns': {
    meaning: 'the DNS of the cluster can be reached: it forwards queries, and their names can carry data out',
    remedy:
      'take kube-dns out of the policy of the tools, and set `dnsPolicy: None` with the Service of the proxy as nameserver in their podTemplate',
  },
  'service-account': {
    meaning: 'the tool holds a token of the cluster',
    remedy: '`automountServiceAccountToken: false` in the podTemplate of the tool',
  },
  pods: { meaning: 'another pod can be reached without the proxy', remedy: ENFORCED },
};

const RANGE_POLICY = 'remove the `internal` exception that covers it';

/** Advice for areas in which Docker's would be of no use. */
const IN_CLUSTER: Readonly<Partial<Record<Area, Advice>>> = {
  proxy: {
    meaning: 'the one way out does not answer',
    remedy:
      'the policy of the tools has to allow the ports of the pods of the proxy (those of the containers, not of the Service), and the pods have to be ready',
  },
  public: { meaning: DOCKER.public.meaning, remedy: ENFORCED },
  private: { meaning: DOCKER.private.meaning, remedy: ENFORCED },
  host: { meaning: 'the host of the engine answers', remedy: ENFORCED },
  stack: { meaning: DOCKER.stack.meaning, remedy: ENFORCED },
  named: { meaning: DOCKER.named.meaning, remedy: ENFORCED },
  dns: { meaning: DOCKER.dns.meaning, remedy: ENFORCED },
  names: {
    meaning: 'the nameserver of this pod forwards queries: names can carry data out',
    remedy:
      '`dnsPolicy: None`, `dnsConfig.nameservers` with the address of the Service of the proxy alone, and `steer.dns` with `steer.address` there',
  },
  metadata: {
    meaning: DOCKER.metadata.meaning,
    remedy: `${ENFORCED}; and the cloud's own lock (IMDSv2 with a hop limit of 1, workload identity)`,
  },
  ipv6: { meaning: DOCKER.ipv6.meaning, remedy: ENFORCED },
  udp: { meaning: DOCKER.udp.meaning, remedy: ENFORCED },
  icmp: {
    meaning: DOCKER.icmp.meaning,
    remedy:
      'NetworkPolicy does not cover ICMP: an engine that denies by default drops it, any other needs a rule of its own',
  },
  admin: {
    meaning: DOCKER.admin.meaning,
    remedy: 'the policy of the tools must allow only those ports of the proxy that are doors',
  },
  gateway: {
    meaning: DOCKER.gateway.meaning,
    remedy: 'set the token of the gateway, and allow ingress to it from its clients alone, by a NetworkPolicy',
  },
  relay: {
    meaning: DOCKER.relay.meaning,
    remedy: 'the policy of the tools must allow only those ports of the proxy that are doors: a relay is for others',
  },
  forwarding: {
    meaning: DOCKER.forwarding.meaning,
    remedy:
      'take CAP_NET_RAW from tools, and set `net.ipv4.ip_forward` to 0 in the securityContext.sysctls of the proxy',
  },
  'docker-socket': {
    meaning: DOCKER['docker-socket'].meaning,
    remedy: 'remove the hostPath from the podTemplate of the tool: PodSecurity `baseline` forbids it',
  },
  'host-by-proxy': {
    meaning: 'the proxy connects to the node itself',
    remedy: 'name the addresses of the nodes in `network.hostAddresses`, or their range in `policy.private`',
  },
  'through-proxy': { meaning: DOCKER['through-proxy'].meaning, remedy: RANGE_POLICY },
};

function isOfCluster(area: Area): area is ClusterArea {
  return area in CLUSTER;
}
