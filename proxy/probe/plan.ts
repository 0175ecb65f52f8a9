/** Every way out that is worth a few packets, from one seat. */

import { clusterRefused, clusterTries } from './cluster.js';
import type { Seat } from './container.js';
import { type Area, type HostAndPort, hostAndPortText, type Try, type Way } from './try.js';

export interface ProbeOptions {
  /** Replace the well-known public addresses; empty: those are used. */
  readonly publicTargets: readonly HostAndPort[];
  /** Further targets that must be closed. */
  readonly targets: readonly HostAndPort[];
  /** The zone under which a random name is asked for. */
  readonly zone: string;
  /** Addresses of the host as seen from outside, which the proxy must refuse. */
  readonly hosts?: readonly string[];
}

const PUBLIC: readonly HostAndPort[] = ['1.1.1.1', '8.8.8.8', '9.9.9.9'].map((host) => ({ host, port: 443 }));
const PUBLIC_IPV6 = ['2606:4700:4700::1111', '2001:4860:4860::8888'];
/** The bridges of the engine, Docker Desktop's host, common routers, and Tailscale's resolver. */
const PRIVATE = ['172.17.0.1', '172.18.0.1', '172.19.0.1', '172.20.0.1', '192.168.65.1', '192.168.65.254'].concat([
  '10.0.0.1',
  '10.0.2.2',
  '192.168.0.1',
  '192.168.1.1',
  '100.100.100.100',
]);
const HOST_NAMES = ['host.docker.internal', 'gateway.docker.internal', 'host.containers.internal'];
/** The services of the stack that no tool has a reason to reach directly, and the ports that a host publishes. */
const STACK: readonly HostAndPort[] = [
  { host: 'ollama', port: 11434 },
  { host: 'ops-controller', port: 9000 },
  { host: 'model-gateway', port: 11435 },
  { host: 'dashboard', port: 8080 },
  { host: 'n8n', port: 5678 },
  { host: 'comfyui', port: 8188 },
  { host: 'open-webui', port: 8080 },
  { host: 'openclaw-gateway', port: 18789 },
];
const HOST_PORTS = [22, 80, 443, 2375, 8811];
const METADATA: readonly HostAndPort[] = [
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  '168.63.129.16',
  'fd00:ec2::254',
  'fd20:ce::254',
]
  .concat('metadata.google.internal')
  .map((host) => ({ host, port: 80 }));
/** The last one is the spawn guard's, which only the gateway may use. */
const SOCKETS = ['/var/run/docker.sock', '/run/podman/podman.sock', '/run/containerd/containerd.sock'].concat(
  '/var/run/egress-guard/docker.sock',
);
const ADMIN_PORT = 9180;
/** The gateway's name for its clients, and the one that the override gives it on the tools' network. */
const GATEWAYS = ['mcp-gateway', 'mcp-gateway-tools'];
const GATEWAY_PORT = 8811;
/** Targets that a proxy must refuse: private addresses or its own, each in another spelling. */
const REFUSED: readonly string[] = [
  '127.0.0.1:9180',
  'localhost:9180',
  '[::1]:9180',
  '0.0.0.0:9180',
  '[::ffff:127.0.0.1]:9180',
]
  .concat([
    '169.254.169.254:80',
    '10.0.0.1:80',
    '172.17.0.1:80',
    '192.168.1.1:80',
    '100.100.100.100:80',
    '[fd00:ec2::254]:80',
  ])
  .concat(['2130706433:80', '0x7f.1:80', 'metadata.google.internal:80', 'host.docker.internal:80']);

/** `randomLabel` makes each name a new one, so that no cache can answer for it. */
export function planTries(seat: Seat, options: ProbeOptions, randomLabel: () => string): Try[] {
  const outside = options.publicTargets.length > 0 ? options.publicTargets : PUBLIC;
  return [
    ...tcp('proxy', [seat.proxy]),
    ...tcp('public', outside),
    ...(seat.cluster === null ? tcp('host', bridgePorts(seat)) : clusterTries(seat.cluster, seat)),
    ...tcp(
      'host',
      HOST_NAMES.map((host) => ({ host, port: 80 })),
    ),
    ...tcp(
      'private',
      PRIVATE.filter((host) => !isOwn(seat, host)).map((host) => ({ host, port: 80 })),
    ),
    ...tcp('stack', STACK),
    ...tcp('named', options.targets),
    ...dnsTries(seat, outside, options.zone, randomLabel),
    ...tcp('metadata', METADATA),
    ...tcp(
      'ipv6',
      PUBLIC_IPV6.map((host) => ({ host, port: 443 })),
    ),
    ...datagrams(outside),
    ...outside.slice(0, 1).map(({ host }) => tryOf('icmp', { kind: 'ping', address: host })),
    ...tcp('admin', [{ host: seat.proxy.host, port: ADMIN_PORT }]),
    ...GATEWAYS.map((host) => tryOf('gateway', { kind: 'mcp', to: { host, port: GATEWAY_PORT } })),
    tryOf('relay', { kind: 'mcp', to: { host: seat.proxy.host, port: GATEWAY_PORT } }),
    ...SOCKETS.map((path) => tryOf('docker-socket', { kind: 'socket-file', path })),
    ...dockerHost(seat),
    ...throughProxy(seat),
    ...hostByProxy([...new Set([...(options.hosts ?? []), ...(seat.cluster?.nodes ?? [])])]),
  ];
}

function isOwn(seat: Seat, host: string): boolean {
  return seat.bridges.includes(host) || seat.addresses.includes(host);
}

/** Any refusal or answer shows that the host can be reached, so these are the ports that a firewall is likely to leave open. */
function bridgePorts(seat: Seat): HostAndPort[] {
  const ports = [...HOST_PORTS, ...STACK.map(({ port }) => port)];
  return seat.bridges
    .filter((host) => host !== seat.proxy.host)
    .flatMap((host) => [...new Set(ports)].map((port) => ({ host, port })));
}

function dnsTries(seat: Seat, outside: readonly HostAndPort[], zone: string, randomLabel: () => string): Try[] {
  const direct = outside.flatMap(({ host }): Try[] => [
    tryOf('dns', { kind: 'udp', to: { host, port: 53 }, protocol: 'dns' }),
    tryOf('dns', { kind: 'tcp', to: { host, port: 53 } }),
  ]);
  const embedded = seat.resolvers
    .slice(0, 2)
    .flatMap((server) =>
      (['A', 'TXT'] as const).map((type) =>
        tryOf('names', { kind: 'query', server, name: `${randomLabel()}.${zone}`, type }),
      ),
    );
  return [...direct, ...embedded];
}

function datagrams(outside: readonly HostAndPort[]): Try[] {
  return outside
    .slice(0, 2)
    .flatMap(({ host }): Try[] => [
      tryOf('udp', { kind: 'udp', to: { host, port: 443 }, protocol: 'quic' }),
      tryOf('udp', { kind: 'udp', to: { host, port: 123 }, protocol: 'ntp' }),
    ]);
}

function dockerHost({ dockerHost }: Seat): Try[] {
  if (dockerHost === null || !URL.canParse(dockerHost)) return [];
  const { protocol, hostname, port, pathname } = new URL(dockerHost);
  if (protocol === 'unix:') return [tryOf('docker-socket', { kind: 'socket-file', path: pathname })];
  return tcp('docker-socket', [{ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || '2375') }]);
}

function throughProxy({ proxy, cluster }: Seat): Try[] {
  const inCluster = cluster === null ? [] : clusterRefused(cluster).map(hostAndPortText);
  const targets = [
    ...REFUSED,
    ...inCluster,
    hostAndPortText({ host: proxy.host, port: ADMIN_PORT }),
    hostAndPortText(proxy),
  ];
  return [
    ...targets.map((target) => tryOf('through-proxy', { kind: 'request', method: 'CONNECT', target })),
    ...['http://169.254.169.254/', 'http://127.0.0.1:9180/metrics'].map((target) =>
      tryOf('through-proxy', { kind: 'request', method: 'GET', target }),
    ),
  ];
}

/** The ports of a host that a tool would try first, including the one that publishes the gateway. */
function hostByProxy(hosts: readonly string[]): Try[] {
  const places = hosts.flatMap((host) => [22, 80, 443, GATEWAY_PORT].map((port) => hostAndPortText({ host, port })));
  return places.map((target) => tryOf('host-by-proxy', { kind: 'request', method: 'CONNECT', target }));
}

function tcp(area: Area, targets: readonly HostAndPort[]): Try[] {
  return targets.map(({ host, port }) => tryOf(area, { kind: 'tcp', to: { host, port } }));
}

function tryOf(area: Area, way: Way): Try {
  return { area, way };
}
