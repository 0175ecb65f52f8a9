/** What a pod can see of its cluster, and the ways out that only a cluster has. */
import { isIP } from 'node:net';
import { parsePort } from '../core/target.js';
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
/** Where the clusters of kubeadm, k3s, MicroK8s, EKS (two), AKS, GKE and the node-local cache have their DNS. */
const DNS_SERVICES = ['10.96.0.10', '10.43.0.10', '10.152.183.10', '172.20.0.10', '10.100.0.10', '10.0.0.10'].concat([
  '34.118.224.10',
  '169.254.20.10',
]);
/** No container has to listen there: a refusal shows that it was reached, too. */
const NEIGHBOUR_PORTS = [9, 22];
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/token';

export interface ClusterSeat {
  readonly addresses: readonly string[];
  /** Where the node may have an address on the pod's own network. */
  readonly bridges: readonly string[];
  readonly proxy: HostAndPort;
}

export function clusterTries(cluster: Cluster, seat: ClusterSeat): Try[] {
  const { apiServer, domain } = cluster;
  const isProxy = (host: string): boolean => host === seat.proxy.host;
  const nodes = [...new Set([...cluster.nodes, ...seat.bridges])].filter((host) => !isProxy(host));
  const services = [...new Set([...dnsBeside(apiServer.host), ...DNS_SERVICES])].filter((host) => !isProxy(host));
  return [
    { area: 'service-account', way: { kind: 'socket-file', path: SERVICE_ACCOUNT } },
    ...tcp('api-server', [apiServer, { host: `kubernetes.default.svc.${domain}`, port: 443 }]),
    ...services.flatMap((host): Try[] => [
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

/** Services share one range, in which the API server is the first and DNS, by custom, the tenth. */
function dnsBeside(apiServer: string): string[] {
  if (isIP(apiServer) === 4) return [apiServer.replace(/\d+$/, '10')];
  return isIP(apiServer) === 6 ? [apiServer.replace(/[0-9a-f]*$/i, 'a')] : [];
}

/** Addresses are given in order, so those next to the pod's own belong to pods on its node, if there are any. */
function neighboursOf({ addresses }: ClusterSeat): string[] {
  const own = addresses.filter((address) => isIP(address) === 4);
  const beside = own.flatMap((address) => {
    const last = Number(address.slice(address.lastIndexOf('.') + 1));
    return [last - 2, last - 1, last + 1, last + 2]
      .filter((number) => number > 0 && number < 255)
      .map((number) => address.replace(/\d+$/, String(number)));
  });
  return [...new Set(beside)].filter((address) => !addresses.includes(address));
}

function portsOf(host: string, ports: readonly number[]): HostAndPort[] {
  return ports.map((port) => ({ host, port }));
}

function tcp(area: Try['area'], targets: readonly HostAndPort[]): Try[] {
  return targets.map((to) => ({ area, way: { kind: 'tcp', to } }));
}
