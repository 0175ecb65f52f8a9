/** What a pod can see of its cluster, and the ways out that only a cluster has. */
import { isIP } from 'node:net';
import { addressFromBytes, parseAddress } from '../core/address.js';
import { parsePort } from '../core/target.js';
import { isLinkLocal } from './link-local.js';
import type { HostAndPort, Try } from './try.js';

export interface Cluster {
  readonly apiServer: HostAndPort;
  /** The addresses of this pod's node, from EGRESS_PROBE_NODE (`status.hostIP` of the downward API). */
  readonly nodes: readonly string[];
  /** The DNS domain of its Services. */
  readonly domain: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DOMAIN = 'cluster.local';

/** Null outside a cluster: the kubelet sets KUBERNETES_SERVICE_HOST in each pod. */
export function readCluster(env: Environment, resolvConf: string): Cluster | null {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  if (host === '') return null;
  const port = parsePort(env.KUBERNETES_SERVICE_PORT ?? '') ?? 443;
  const nodes = (env.EGRESS_PROBE_NODE ?? '').split(/[\s,]+/).filter((item) => isIP(item) !== 0);
  const [, domain = DOMAIN] = /^\s*search\s.*?\bsvc\.(\S+?)\.?(?:\s|$)/m.exec(resolvConf) ?? [];
  return { apiServer: { host, port }, nodes: [...new Set(nodes)], domain };
}

/** kubelet, its read-only port, kube-proxy, node-exporter, the API server and etcd of a control plane, cAdvisor, and ssh. */
const NODE_PORTS = [10250, 10255, 10256, 10249, 9100, 6443, 2379, 4194, 22, 80, 443];
/** Of the 2,768 ports that Services of type NodePort take: the ends, and those that people choose. */
const SERVICE_PORTS = [30000, 30001, 30080, 30443, 31000, 32000, 32767];
/** Where the clusters of kubeadm, k3s, MicroK8s, EKS (two), AKS, GKE and the node-local cache have their DNS; the last two: kind and k3s. */
const DNS_SERVICES = ['10.96.0.10', '10.43.0.10', '10.152.183.10', '172.20.0.10', '10.100.0.10', '10.0.0.10'].concat([
  '34.118.224.10',
  '169.254.20.10',
  'fd00:10:96::a',
  '2001:cafe:43::a',
]);
/** No container has to listen there: a refusal shows that it was reached, too. */
const NEIGHBOUR_PORTS = [9, 22];
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/token';

export interface ClusterSeat {
  readonly addresses: readonly string[];
  /** Where the node may have an address on the pod's own network. */
  readonly bridges: readonly string[];
  readonly resolvers: readonly string[];
  readonly proxy: HostAndPort;
}

export function clusterTries(cluster: Cluster, seat: ClusterSeat): Try[] {
  const { apiServer, domain } = cluster;
  const isProxy = (host: string): boolean => host === seat.proxy.host;
  const nodes = [...new Set([...cluster.nodes, ...seat.bridges])].filter((host) => !isProxy(host));
  const ofServices = [apiServer.host, seat.proxy.host, ...seat.resolvers];
  const dns = [...new Set([...ofServices.flatMap((host) => inRangeOf(host, DNS)), ...DNS_SERVICES])];
  const others = ofServices.flatMap((host) => (isIP(host) === isIP(apiServer.host) ? [] : inRangeOf(host, API_SERVER)));
  return [
    { area: 'service-account', way: { kind: 'socket-file', path: SERVICE_ACCOUNT } },
    ...tcp('api-server', [apiServer, ...portsOf(`kubernetes.default.svc.${domain}`, [443])]),
    ...[...new Set(others)].flatMap((host) => tcp('api-server', portsOf(host, [443]))),
    ...dns
      .filter((host) => !isProxy(host))
      .flatMap((host): Try[] => [
        { area: 'kube-dns', way: { kind: 'udp', to: { host, port: 53 }, protocol: 'dns' } },
        ...tcp('kube-dns', [{ host, port: 53 }]),
      ]),
    ...tcp('kube-dns', [{ host: `kube-dns.kube-system.svc.${domain}`, port: 53 }]),
    ...nodes.flatMap((host) => tcp('node', portsOf(host, [...NODE_PORTS, ...SERVICE_PORTS]))),
    ...neighboursOf(seat)
      .filter((host) => !isProxy(host) && !nodes.includes(host))
      .flatMap((host) => tcp('pods', portsOf(host, NEIGHBOUR_PORTS))),
  ];
}

/** Destinations that the proxy must refuse here: the API server, and the node's kubelet. */
export function clusterRefused({ apiServer, nodes }: Cluster): readonly HostAndPort[] {
  return [apiServer, ...nodes.flatMap((host) => portsOf(host, [10250, 10255]))];
}

/** By custom: the last byte of two Services' addresses. */
const API_SERVER = 1;
const DNS = 10;

/** Services share one range in each family, in which the API server is the first and DNS, by custom, the tenth. */
function inRangeOf(host: string, last: number): string[] {
  const address = parseAddress(host);
  if (address === null) return [];
  // IPv6 ranges have at most 112 bits of prefix (kube-apiserver), so the last two bytes are the Service's own.
  const kept = address.family === 4 ? address.bytes.slice(0, 3) : [...address.bytes.slice(0, 14), 0];
  return [addressFromBytes([...kept, last]).text];
}

/** Addresses are given in order, so those next to the pod's own belong to pods on its node, if there are any. */
function neighboursOf({ addresses }: ClusterSeat): string[] {
  const own = addresses.flatMap((text) => (isLinkLocal(text) ? [] : (parseAddress(text) ?? [])));
  const beside = own.flatMap(({ bytes }) => {
    const last = bytes.at(-1) ?? 0;
    return [last - 2, last - 1, last + 1, last + 2]
      .filter((number) => number > 0 && number < 255)
      .map((number) => addressFromBytes([...bytes.slice(0, -1), number]).text);
  });
  return [...new Set(beside)].filter((address) => !addresses.includes(address));
}

function portsOf(host: string, ports: readonly number[]): HostAndPort[] {
  return ports.map((port) => ({ host, port }));
}

function tcp(area: Try['area'], targets: readonly HostAndPort[]): Try[] {
  return targets.map((to) => ({ area, way: { kind: 'tcp', to } }));
}
