/** The composition root: it alone calls constructors, and it holds no logic. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Config } from './config/config.js';
import type { CheckResult } from './core/explain.js';
import { resolvesForUs } from './core/parent.js';
import { decideHost } from './core/policy.js';
import { type GrantedRule, NOTHING_DECIDED, type RunTime, withRunTime } from './core/run-time.js';
import { parseAbsolute, type Target } from './core/target.js';
import { type DnsDoor, openDnsDoor } from './dns/dns-door.js';
import type { Gate } from './door/admit.js';
import type { RunTimeGate } from './door/admit-or-ask.js';
import { Arrivals, type AskedName } from './door/arrivals.js';
import { check } from './door/check.js';
import { createClientLabels } from './door/client-labels.js';
import { createConnectionLimits } from './door/connection-limits.js';
import { createFixedRelay, type FixedRelayOptions } from './door/fixed-relay.js';
import { createLeases } from './door/leases.js';
import { boundAddresses } from './door/relay-clients.js';
import { createRelayWatch, type RelayHealth } from './door/relay-watch.js';
import { type ConnectionEnds, createToolsSide } from './door/tools-side.js';
import { createTunnelDoor } from './door/tunnel-door.js';
import { type Vetting, vetGrant } from './door/vet-grant.js';
import { originTarget } from './http/origin-target.js';
import { createProxyServer } from './http/server.js';
import { UpstreamPool } from './http/upstream-pool.js';
import { createDialer, type Dialer } from './net/dialer.js';
import { DirectReads } from './net/direct-io.js';
import { createHostAddresses, type HostAddresses } from './net/host-addresses.js';
import { createOwnEndpoints, type OwnEndpointsSource } from './net/interfaces.js';
import { close, type Listener, listen, listener } from './net/listen.js';
import { createMemoryBudget, type MemoryBudget, SHARES } from './net/memory-budget.js';
import type { DnsSettings } from './net/resolv-conf.js';
import { createResolver, type Resolver } from './net/resolver.js';
import { createIds } from './observe/ids.js';
import type { DecisionSink } from './observe/record.js';
import { createParentDialer } from './parent/parent-dialer.js';
import { socksDoor } from './socks/socks-door.js';
import { tlsDoor } from './tls/tls-door.js';

export interface AppOptions {
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
  /** What is decided while it runs, as it was at the start; absent: nothing is. */
  readonly runTime?: RunTimeGate & { readonly decided: RunTime };
  /** In place of the real ones: for tests. */
  readonly resolver?: Resolver;
  readonly dialer?: Dialer;
}

export interface App {
  /** Opens every listener; rejects where one cannot be opened. The addresses by purpose: `proxy`, `relay[0]`... */
  start(): Promise<Map<string, AddressInfo>>;
  /** Replaces policy, clients and limits. Resolves with how many open connections that has closed. */
  reload(config: Config): Promise<number>;
  /** Replaces what was decided at run time; the same. */
  decide(runTime: RunTime): Promise<number>;
  /** What stands against a grant, whatever else was decided. */
  vet(grant: Omit<GrantedRule, 'id'>): Promise<Vetting>;
  /** True where a request for this would be a question now. */
  wouldAsk(client: string | null, target: Target): boolean;
  /** True for a connection that comes by the network of the tools. */
  isFromTools(ends: ConnectionEnds): boolean;
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

/** More DNS answers than this are useless; and of their share a part is for names that do not exist. */
const MOST_NAMES_BYTES = 4 * 1024 * 1024;
const NAMES_PART = 0.75;

/** The way out alone: for the commands that decide and do not serve. */
export function createGate(
  config: Config,
  options: Pick<AppOptions, 'resolver' | 'dialer' | 'onUnknownHost' | 'onDnsSettings'> = {},
  settings: () => Pick<Config, 'limits' | 'network' | 'parent'> = () => config,
): { readonly gate: Gate; readonly own: OwnEndpointsSource; readonly host: HostAddresses } {
  const { onDnsSettings: onSettings } = options;
  const cacheBytes = Math.min(MOST_NAMES_BYTES, config.limits.memoryBytes * SHARES.names * NAMES_PART);
  const resolver = options.resolver ?? createResolver({ ...config.dns, cacheBytes, ...(onSettings && { onSettings }) });
  const entries = () => settings().network.hostAddresses;
  const host = createHostAddresses({ entries, resolver, onUnknown: options.onUnknownHost ?? (() => {}) });
  const own = createOwnEndpoints(() => host.current());
  const connectTimeoutMs = () => settings().limits.connectTimeoutMs;
  const direct = options.dialer ?? createDialer({ connectTimeoutMs, prefersIPv6: () => own.hasGlobalIPv6() });
  const parent = () => settings().parent;
  const dialer = createParentDialer({ direct, resolver, own: () => own.current(), parent, connectTimeoutMs });
  const leavesToParent = (target: Target): boolean => {
    const current = parent();
    return current !== null && resolvesForUs(current, target);
  };
  return { gate: { resolver, dialer, own: () => own.current(), leavesToParent }, own, host };
}

export function createApp(options: AppOptions): App {
  let config: Config = options.config;
  let decided: RunTime = options.runTime?.decided ?? NOTHING_DECIDED;
  const inForce = (): Config => ({ ...config, policy: withRunTime(config.policy, decided) });
  let settings = inForce();
  const { gate, own, host } = createGate(options.config, options, () => settings);
  const memory = createMemoryBudget(() => settings.limits.memoryBytes);
  const arrivals = new Arrivals({
    gate,
    settings: () => settings,
    sink: options.sink,
    labels: createClientLabels(gate.resolver),
    leases: createLeases(options.config.guard?.leases ?? null),
    newId: createIds(),
    reads: new DirectReads(Buffer.allocUnsafeSlow(RELAY_BUFFER_BYTES)),
    memory,
    onDefect: options.onDefect,
    ...(options.onAsked === undefined ? {} : { onAsked: options.onAsked }),
    ...(options.runTime === undefined ? {} : { runTime: options.runTime }),
  });
  const onEnter = (): void => arrivals.accepted();
  const connectionLimits = createConnectionLimits(() => settings.limits, { onEnter });
  // No tool takes the relays' connections: those come from the other side.
  const relayLimits = createConnectionLimits(() => settings.limits, { onEnter });
  const pool = new UpstreamPool(arrivals.reads);
  const target = (request: { url?: string | undefined }) => parseAbsolute(request.url ?? '');
  const proxy = createProxyServer({ arrivals, pool, connectionLimits, target, door: 'absolute' });
  const steered = createProxyServer({ arrivals, pool, connectionLimits, target: originTarget, door: 'steer-http' });
  const { listen: at, steer, relay } = options.config;
  const doorsAt = [at.proxy, at.socks, steer.dns, steer.http, steer.tls];
  const doors = boundAddresses(doorsAt);
  // With a cache of its own: a gateway that is looked for too early must not be missing for the first client that comes.
  const watchGate: Gate = { ...gate, resolver: options.resolver ?? createResolver(options.config.dns) };
  const relays: FixedRelayOptions = { arrivals, connectionLimits: relayLimits, links: own.links, doors };
  const watch = createRelayWatch({
    gate: watchGate,
    links: own.links,
    doors,
    relays: relay,
    onChange: options.onRelay ?? ignore,
  });
  const servers: readonly Listener[] = [
    ...listener('proxy', proxy.server, at.proxy),
    ...listener('socks', createTunnelDoor(arrivals, connectionLimits, socksDoor), at.socks),
    ...listener('steer.http', steered.server, steer.http),
    ...listener('steer.tls', createTunnelDoor(arrivals, connectionLimits, tlsDoor), steer.tls),
    ...relay.flatMap((fixed, i) => listener(`relay[${i}]`, createFixedRelay(relays, fixed), fixed.listen)),
  ];
  let dns: DnsDoor | null = null;
  const change = (): Promise<number> => {
    settings = inForce();
    pool.review((idle) => arrivals.standings.allows(idle));
    return arrivals.standings.review();
  };
  return {
    memory,
    async start() {
      // Before anyone can ask for them.
      await host.refresh();
      const bound = new Map<string, AddressInfo>();
      for (const { purpose, server, at } of servers) bound.set(purpose, await listen(server, at, purpose));
      if (steer.dns !== null) {
        dns = await openDnsDoor({ arrivals, connectionLimits, at: steer.dns, links: own.links });
        bound.set('steer.dns', dns.bound);
      }
      for (const { port } of bound.values()) own.addPort(port);
      watch.start();
      return bound;
    },
    reload: (changed) => {
      config = changed;
      return change();
    },
    decide: (runTime) => {
      decided = runTime;
      return change();
    },
    vet: (grant) => vetGrant(gate, config.policy, grant),
    wouldAsk: (name, target) =>
      decideHost(settings.policy, { target, client: { name }, own: own.current() })?.reason === 'not-yet-allowed',
    isFromTools: createToolsSide({ doors: doorsAt, toolsRange: () => config.network.toolsRange, links: own.links }),
    check: (text, clientName) => check(gate, settings, text, clientName),
    addOwnPort: (port) => own.addPort(port),
    get isDraining() {
      return arrivals.isDraining;
    },
    get openTunnelBytes() {
      return arrivals.running.openTunnelBytes;
    },
    get openTunnels() {
      return arrivals.running.openTunnels;
    },
    get openConnections() {
      return connectionLimits.open + relayLimits.open;
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
      const timer = setTimeout(() => deadline.abort(), settings.limits.drainTimeoutMs);
      const cut = (): void => {
        arrivals.running.cut('drain');
        for (const front of [proxy, steered]) front.closeAll();
      };
      const drained = arrivals.running.drain();
      // Clients that keep asking keep the drain from its end: the deadline holds for them as well.
      await Promise.race([drained, once(deadline.signal, 'abort')]);
      pool.close();
      const closed = Promise.all([...servers.map(({ server }) => close(server)), dns?.close()]);
      for (const front of [proxy, steered]) front.closeIdle();
      if (deadline.signal.aborted) cut();
      else deadline.signal.addEventListener('abort', cut);
      await Promise.all([closed, drained, connectionLimits.empty(), relayLimits.empty()]);
      clearTimeout(timer);
    },
  };
}

function ignore(): void {}
