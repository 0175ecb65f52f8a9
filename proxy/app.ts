/** The composition root: it alone calls constructors, and it holds no logic. */
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { Config, HostPort } from './config/config.js';
import type { CheckResult } from './core/explain.js';
import { resolvesForUs } from './core/parent.js';
import { parseAbsolute, type Target } from './core/target.js';
import { type DnsDoor, openDnsDoor } from './dns/dns-door.js';
import type { Gate } from './door/admit.js';
import { type AskedName, Doorway } from './door/arrivals.js';
import { check } from './door/check.js';
import { createLabels } from './door/client-labels.js';
import { createBudget } from './door/connection-limits.js';
import { createFixedRelay, type RelayParts } from './door/fixed-relay.js';
import { createLeases } from './door/leases.js';
import { boundAddresses } from './door/relay-clients.js';
import { createRelayWatch, type RelayHealth } from './door/relay-watch.js';
import { createTunnelDoor } from './door/tunnel-door.js';
import { originTarget } from './http/origin-target.js';
import { createProxyServer } from './http/server.js';
import { UpstreamPool } from './http/upstream-pool.js';
import { createDialer, type Dialer } from './net/dialer.js';
import { DirectReads } from './net/direct-io.js';
import { createHostAddresses, type HostAddresses } from './net/host-addresses.js';
import { createOwnEndpoints, type OwnEndpointsSource } from './net/interfaces.js';
import { close, listen } from './net/listen.js';
import { createMemoryBudget, type MemoryBudget, SHARES } from './net/memory-budget.js';
import type { DnsSettings } from './net/resolv-conf.js';
import { createResolver, type Resolver } from './net/resolver.js';
import { createIds } from './observe/ids.js';
import type { DecisionSink } from './observe/record.js';
import { createParentDialer } from './parent/parent-dialer.js';
import { socksDoor } from './socks/socks-door.js';
import { tlsDoor } from './tls/tls-door.js';

export interface AppParts {
  readonly config: Config;
  readonly sink: DecisionSink;
  readonly onDefect: (error: unknown) => void;
  /** A name of `network.hostAddresses` whose addresses are not known now. */
  readonly onUnknownHost?: (name: string) => void;
  /** The DNS servers that are asked from now on. */
  readonly onDnsSettings?: (settings: DnsSettings) => void;
  /** A steered client has asked for a name. */
  readonly onAsked?: (asked: AskedName) => void;
  /** What a fixed relay leads to has changed. */
  readonly onRelay?: (health: RelayHealth) => void;
  /** In place of the real ones: for tests. */
  readonly resolver?: Resolver;
  readonly dialer?: Dialer;
}

export interface App {
  /** Opens every listener; rejects where one cannot be opened. The addresses by purpose: `proxy`, `relay[0]`... */
  start(): Promise<Map<string, AddressInfo>>;
  /** Replaces policy, clients and limits for requests to come. */
  reload(config: Config): void;
  check(target: string, clientName: string | null): Promise<CheckResult>;
  /** Tells the policy of a listener that the app has not opened itself. */
  addOwnPort(port: number): void;
  readonly isDraining: boolean;
  readonly openTunnels: number;
  /** What they have carried so far. */
  readonly openTunnelBytes: { readonly up: number; readonly down: number };
  /** What the fixed relays lead to, as it was when last looked at. */
  readonly relays: readonly RelayHealth[];
  /** What is held on behalf of clients and origins. */
  readonly memory: MemoryBudget;
  /** On all doors together. */
  readonly openConnections: number;
  /** Datagrams and connections that the DNS door did not answer, because of where they came from. */
  readonly unansweredDnsPeers: number;
  /** Refuses what is new, waits for what runs up to limits.drainTimeout, then cuts it. Resolves when all is closed. */
  stop(): Promise<void>;
}

/** Measured: 256 KiB costs a tenth more, 1 MiB gains nothing and lets one slow reader hold as much. */
const RELAY_BUFFER_BYTES = 512 * 1024;

/** More answers of DNS than this are no use; and of their share a part is for names that do not exist. */
const MOST_NAMES_BYTES = 4 * 1024 * 1024;
const NAMES_PART = 0.75;

/** The way out alone: for the commands that decide and do not serve. */
export function createGate(
  config: Config,
  parts: Pick<AppParts, 'resolver' | 'dialer' | 'onUnknownHost' | 'onDnsSettings'> = {},
  terms: () => Pick<Config, 'limits' | 'network' | 'parent'> = () => config,
): { readonly gate: Gate; readonly own: OwnEndpointsSource; readonly host: HostAddresses } {
  const { onDnsSettings: onSettings } = parts;
  const cacheBytes = Math.min(MOST_NAMES_BYTES, config.limits.memoryBytes * SHARES.names * NAMES_PART);
  const resolver = parts.resolver ?? createResolver({ ...config.dns, cacheBytes, ...(onSettings && { onSettings }) });
  const entries = () => terms().network.hostAddresses;
  const host = createHostAddresses({ entries, resolver, onUnknown: parts.onUnknownHost ?? (() => {}) });
  const own = createOwnEndpoints(() => host.current());
  const connectTimeoutMs = () => terms().limits.connectTimeoutMs;
  const direct = parts.dialer ?? createDialer({ connectTimeoutMs, prefersIPv6: () => own.hasGlobalIPv6() });
  const parent = () => terms().parent;
  const dialer = createParentDialer({ direct, resolver, own: () => own.current(), parent, connectTimeoutMs });
  const leavesToParent = (target: Target): boolean => {
    const current = parent();
    return current !== null && resolvesForUs(current, target);
  };
  return { gate: { resolver, dialer, own: () => own.current(), leavesToParent }, own, host };
}

export function createApp(parts: AppParts): App {
  let terms: Config = parts.config;
  const { gate, own, host } = createGate(parts.config, parts, () => terms);
  const memory = createMemoryBudget(() => terms.limits.memoryBytes);
  const doorway = new Doorway({
    gate,
    terms: () => terms,
    sink: parts.sink,
    labels: createLabels(gate.resolver),
    leases: createLeases(parts.config.guard?.leases ?? null),
    newId: createIds(),
    reads: new DirectReads(Buffer.allocUnsafeSlow(RELAY_BUFFER_BYTES)),
    memory,
    onDefect: parts.onDefect,
    ...(parts.onAsked === undefined ? {} : { onAsked: parts.onAsked }),
  });
  const onEnter = (): void => doorway.accepted();
  const budget = createBudget(() => terms.limits, { onEnter });
  // No tool takes the relays' connections: those come from the other side.
  const relayBudget = createBudget(() => terms.limits, { onEnter });
  const pool = new UpstreamPool(doorway.reads);
  const target = (request: { url?: string | undefined }) => parseAbsolute(request.url ?? '');
  const proxy = createProxyServer({ doorway, pool, budget, target, door: 'absolute' });
  const steered = createProxyServer({ doorway, pool, budget, target: originTarget, door: 'steer-http' });
  const { listen: at, steer, relay } = parts.config;
  const doors = boundAddresses([at.proxy, at.socks, steer.dns, steer.http, steer.tls]);
  // With a cache of its own: a gateway that is looked for too early must not be missing for the first client that comes.
  const watchGate: Gate = { ...gate, resolver: parts.resolver ?? createResolver(parts.config.dns) };
  const relays: RelayParts = { doorway, budget: relayBudget, links: own.links, doors };
  const watch = createRelayWatch({
    gate: watchGate,
    links: own.links,
    doors,
    relays: relay,
    onChange: parts.onRelay ?? ignore,
  });
  const servers: readonly Listener[] = [
    ...listener('proxy', proxy.server, at.proxy),
    ...listener('socks', createTunnelDoor(doorway, budget, socksDoor), at.socks),
    ...listener('steer.http', steered.server, steer.http),
    ...listener('steer.tls', createTunnelDoor(doorway, budget, tlsDoor), steer.tls),
    ...relay.flatMap((fixed, i) => listener(`relay[${i}]`, createFixedRelay(relays, fixed), fixed.listen)),
  ];
  let dns: DnsDoor | null = null;
  return {
    memory,
    async start() {
      // Before anyone can ask for them.
      await host.refresh();
      const bound = new Map<string, AddressInfo>();
      for (const { purpose, server, at } of servers) bound.set(purpose, await listen(server, at, purpose));
      if (steer.dns !== null) {
        dns = await openDnsDoor({ doorway, budget, at: steer.dns, links: own.links });
        bound.set('steer.dns', dns.bound);
      }
      for (const { port } of bound.values()) own.addPort(port);
      watch.start();
      return bound;
    },
    reload: (config) => {
      terms = config;
    },
    check: (text, clientName) => check(gate, terms, text, clientName),
    addOwnPort: (port) => own.addPort(port),
    get isDraining() {
      return doorway.isDraining;
    },
    get openTunnelBytes() {
      return doorway.running.openTunnelBytes;
    },
    get openTunnels() {
      return doorway.running.openTunnels;
    },
    get openConnections() {
      return budget.open + relayBudget.open;
    },
    get unansweredDnsPeers() {
      return dns?.dropped ?? 0;
    },
    get relays() {
      return watch.health;
    },
    async stop() {
      watch.stop();
      const deadline = new AbortController();
      const timer = setTimeout(() => deadline.abort(), terms.limits.drainTimeoutMs);
      const cut = (): void => {
        doorway.running.cut('drain');
        for (const front of [proxy, steered]) front.closeAll();
      };
      const drained = doorway.running.drain();
      // Clients that keep asking keep the drain from its end: the deadline holds for them as well.
      await Promise.race([drained, once(deadline.signal, 'abort')]);
      pool.close();
      const closed = Promise.all([...servers.map(({ server }) => close(server)), dns?.close()]);
      for (const front of [proxy, steered]) front.closeIdle();
      if (deadline.signal.aborted) cut();
      else deadline.signal.addEventListener('abort', cut);
      await Promise.all([closed, drained, budget.empty(), relayBudget.empty()]);
      clearTimeout(timer);
    },
  };
}

interface Listener {
  readonly purpose: string;
  readonly server: Server;
  readonly at: HostPort;
}

/** None where the configuration leaves the door shut. */
function listener(purpose: string, server: Server, at: HostPort | null): Listener[] {
  return at === null ? [] : [{ purpose, server, at }];
}

function ignore(): void {}
