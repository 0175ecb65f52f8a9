/** What a container can see of its own seat: addresses, routes, resolvers and proxy variables. */
import type { NetworkInterfaceInfo } from 'node:os';
import { addressFromBytes, parseAddress, prefixOf } from '../core/address.js';
import { type Cluster, readCluster } from './cluster.js';
import { isLinkLocal } from './link-local.js';
import type { HostAndPort } from './try.js';

export interface ProxyPlace extends HostAndPort {
  /** The value of a Proxy-Authorization field, or null. */
  readonly authorization: string | null;
}

export interface Seat {
  /** Its own addresses, without loopback. */
  readonly addresses: readonly string[];
  /**
   * Where the host would be on a bridge: the first address of each own IPv4 subnet, and every IPv4 next hop. In a pod, the
   * same of IPv6, where a next hop is mostly a link-local address with its zone (`fe80::1%eth0`).
   */
  readonly bridges: readonly string[];
  readonly nextHops: readonly string[];
  readonly hasDefaultRoute: boolean;
  readonly resolvers: readonly string[];
  readonly proxy: ProxyPlace;
  readonly canForgePackets: boolean;
  /** True if this process, which is not root, cannot forge packets, but a tool that runs as root in such a container could. */
  readonly rootCanForgePackets: boolean;
  readonly dockerHost: string | null;
  /** Null: this is no pod. */
  readonly cluster: Cluster | null;
}

/** The texts of the files from which a seat is read; empty for a file that does not exist. */
export interface SeatFiles {
  /** /proc/net/route */
  readonly routes: string;
  /** /proc/net/ipv6_route */
  readonly routes6: string;
  /** /etc/resolv.conf */
  readonly resolvConf: string;
  /** /proc/self/status */
  readonly status: string;
}

export const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'] as const;
const DEFAULT_PROXY: ProxyPlace = { host: 'egress-proxy', port: 3128, authorization: null };
/** Bit 13 of a capability mask: capabilities(7). */
const CAP_NET_RAW = 13n;

export function readSeat(
  env: NodeJS.ProcessEnv,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
  files: SeatFiles,
): Seat {
  const own = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal);
  const addresses = own.map(({ address }) => address);
  const nextHops = ipv4NextHops(files.routes);
  const firsts = own
    // A routed pod is alone on its network.
    .filter(({ family, netmask }) => family === 'IPv4' && netmask !== '255.255.255.255')
    .map(({ address, netmask }) => firstHost(address, netmask));
  const cluster = readCluster(env, files.resolvConf);
  const six = cluster === null ? [] : [...own.flatMap(firstHost6), ...ipv6NextHops(files.routes6)];
  return {
    addresses,
    bridges: [...new Set([...firsts, ...nextHops, ...six])].filter((address) => !addresses.includes(address)),
    nextHops,
    hasDefaultRoute: nextHops.length > 0,
    resolvers: [...files.resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address = '']) => address),
    proxy: proxyPlace(env) ?? DEFAULT_PROXY,
    canForgePackets: hasCapability(files.status, 'CapEff', CAP_NET_RAW),
    rootCanForgePackets: hasCapability(files.status, 'CapBnd', CAP_NET_RAW),
    dockerHost: env.DOCKER_HOST ?? null,
    cluster,
  };
}

function proxyPlace(env: NodeJS.ProcessEnv): ProxyPlace | null {
  for (const name of PROXY_VARIABLES) {
    const place = parseProxyUrl(env[name] ?? '');
    if (place !== null) return place;
  }
  return null;
}

/** Null unless it is an `http:` URL with a host, as every client reads it. */
export function parseProxyUrl(text: string): ProxyPlace | null {
  if (!/^http:\/\//i.test(text) || !URL.canParse(text)) return null;
  const { hostname, port, username, password } = new URL(text);
  if (hostname === '') return null;
  const credentials = `${decoded(username)}:${decoded(password)}`;
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 80 : Number(port),
    authorization: username === '' ? null : `Basic ${Buffer.from(credentials).toString('base64')}`,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Column 3 of /proc/net/route: the next hop as a little-endian hex number; zero for what is on the link. */
function ipv4NextHops(routes: string): string[] {
  const hops = routes
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/)[2] ?? '')
    .filter((hex) => /^[0-9A-F]{8}$/i.test(hex) && hex !== '00000000');
  return [...new Set(hops.map((hex) => Buffer.from(hex, 'hex').reverse().join('.')))];
}

/** Column 5 of /proc/net/ipv6_route, and the link, which is the last one. */
function ipv6NextHops(routes: string): string[] {
  const hops = routes.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const hex = columns[4] ?? '';
    if (!/^[0-9a-f]{32}$/i.test(hex) || /^0+$/.test(hex)) return [];
    const { text } = addressFromBytes([...Buffer.from(hex, 'hex')]);
    return [isLinkLocal(text) ? `${text}%${columns.at(-1)}` : text];
  });
  return [...new Set(hops)];
}

function firstHost6({ address, cidr }: NetworkInterfaceInfo): string[] {
  const parsed = parseAddress(address);
  const bits = Number(cidr?.split('/')[1]);
  if (parsed?.family !== 6 || isLinkLocal(address) || !(bits < 128)) return [];
  const { bytes } = prefixOf(parsed, bits).address;
  return [addressFromBytes([...bytes.slice(0, -1), (bytes.at(-1) ?? 0) + 1]).text];
}

function firstHost(address: string, netmask: string): string {
  const mask = netmask.split('.').map(Number);
  const bytes = address.split('.').map((part, i) => Number(part) & (mask[i] ?? 0));
  return [...bytes.slice(0, 3), (bytes[3] ?? 0) + 1].join('.');
}

function hasCapability(status: string, set: 'CapEff' | 'CapBnd', bit: bigint): boolean {
  const mask = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> bit) & 1n) === 1n;
}
