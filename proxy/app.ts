/** The composition root of what serves: it puts doors, decisions and the way out together, and holds no logic. */
import type { AddressInfo } from 'node:net';
import { Doors, toolDoors } from './app/doors.js';
import { drain } from './app/drain.js';
import { ConfigurationInForce } from './app/in-force.js';
import { createWayOut, type WayOut, type WayOutOptions } from './app/way-out.js';
import type { Config } from './config/config.js';
import type { CheckResult } from './core/explain.js';
import { type ClientIdentity, decideHost } from './core/policy.js';
import { type GrantedRule, NOTHING_DECIDED, type RunTime } from './core/run-time.js';
import type { Target } from './core/target.js';
import type { RunTimeGate } from './door/admit.js';
import { Arrivals, type AskedName } from './door/arrivals.js';
import { check } from './door/check.js';
import { createClientLabels } from './door/clients.js';
import { createLeases } from './door/leases.js';
import { boundAddresses } from './door/relay-clients.js';
import { createRelayWatch, type RelayHealth, type RelayWatch } from './door/relay-watch.js';
import { type ConnectionEnds, createKnownToolsSide, createToolsSide } from './door/tools-side.js';
import { type Vetting, vetGrant } from './door/vet-grant.js';
import { UpstreamPool } from './http/upstream-pool.js';
import { type ApiServer, createApiServer } from './kubernetes/api-server.js';
import { createPods, type Pods, type PodsOptions } from './kubernetes/pods.js';
import { DirectReads } from './net/direct-io.js';
import { createMemoryBudget, type MemoryBudget } from './net/memory-budget.js';
import { createResolver } from './net/resolver.js';
import { createIds } from './observe/clock.js';
import type { Records } from './observe/record.js';
import { type Post, type Posted, post } from './post/post.js';

export interface AppOptions extends WayOutOptions {
  readonly config: Config;
  readonly records: Records;
  readonly onDefect: (error: unknown) => void;
  /** A steered client has asked for a name. */
  readonly onAsked?: (asked: AskedName) => void;
  /** What a fixed relay leads to has changed. */
  readonly onRelay?: (health: RelayHealth) => void;
  /** A watch of pods has begun or gone stale, or a pod matches two clients. */
  readonly onPods?: Pick<PodsOptions, 'onChange' | 'onAmbiguous'>;
  /** In place of the cluster's: for tests. */
  readonly api?: ApiServer;
  /** Decisions at run time, as they were at the start; absent: there are none. */
  readonly runTime?: RunTimeGate & { readonly decided: RunTime };
}

/** What can be read of it at any time. */
export interface AppState {
  readonly isDraining: boolean;
  readonly openTunnels: number;
  /** What they have carried so far. */
  readonly openTunnelBytes: { readonly up: number; readonly down: number };
  /** What the fixed relays lead to, as it was when last looked at. */
  readonly relays: readonly RelayHealth[];
  /** Which pods are clients, as far as it is known. */
  readonly pods: Pick<Pods, 'isKnown' | 'namespaces'>;
  /** What is held on behalf of clients and origins. */
  readonly memory: MemoryBudget;
  /** On all doors together. */
  readonly openConnections: number;
  /** Datagrams and connections that the DNS door did not answer, because of where they came from. */
  readonly unansweredDnsPeers: number;
}

export interface App extends AppState {
  /** Opens every listener; rejects where one cannot be opened. The addresses by purpose: `proxy`, `relay[0]`... */
  start(): Promise<Map<string, AddressInfo>>;
  /** Replaces policy, clients and limits. Resolves with how many open connections that has closed. */
  reload(config: Config): Promise<number>;
  /** Replaces what was decided at run time; the same. */
  decide(runTime: RunTime): Promise<number>;
  /** What stands against a grant, whatever else was decided. */
  vet(grant: Omit<GrantedRule, 'id'>): Promise<Vetting>;
  /** True where a request for this would be a question now. */
  wouldAsk(client: ClientIdentity, target: Target): boolean;
  /** True for a connection that comes by the network of the tools. */
  isFromTools(ends: ConnectionEnds): boolean;
  /** The same for what hides nothing but counters: false where nobody can be told apart. */
  isKnownTool(ends: ConnectionEnds): boolean;
  check(target: string, clientName: string | null): Promise<CheckResult>;
  /** What the proxy sends by itself. */
  post(request: Post): Promise<Posted>;
  /** Tells the policy of a listener that the app has not opened itself. */
  addOwnPort(port: number): void;
  /** Serves on, and keeps no connection for another request: the next one is to go to another instance. */
  endSoon(): void;
  /** Refuses what is new, waits for what runs up to limits.drainTimeout, then cuts it. Resolves when all is closed. */
  stop(): Promise<void>;
}

/** Measured: 256 KiB costs a tenth more, 1 MiB gains nothing and lets one slow reader hold as much. */
const RELAY_BUFFER_BYTES = 512 * 1024;

export function createApp(options: AppOptions): App {
  const { config } = options;
  const inForce = new ConfigurationInForce(config, options.runTime?.decided ?? NOTHING_DECIDED);
  const way = createWayOut(config, options, inForce);
  const { gate, own } = way;
  const pods = createPodsOf(options, inForce);
  const arrivals = createArrivals(options, way, inForce, pods);
  const pool = new UpstreamPool(arrivals.reads, arrivals.deadlines);
  const answers = () => inForce.config.answers;
  const doors = new Doors({ arrivals, pool, config, answers, links: own.links });
  const watch = createWatch(options, way, inForce);
  const review = (): Promise<number> => {
    pods.review();
    pool.review((idle) => arrivals.standings.allows(idle));
    return arrivals.standings.review();
  };
  const toolsSide = {
    doors: toolDoors(config),
    toolsRange: () => inForce.config.network.toolsRange,
    links: own.links,
  };
  const deeds: Omit<App, keyof AppState> = {
    start() {
      pods.review();
      return start(doors, way, watch);
    },
    reload(changed) {
      inForce.read(changed);
      return review();
    },
    decide(runTime) {
      inForce.decide(runTime);
      return review();
    },
    vet: (grant) => vetGrant(gate, inForce.config.policy, grant),
    wouldAsk: (client, target) => wouldAsk(inForce, way, client, target),
    isFromTools: createToolsSide(toolsSide),
    isKnownTool: createKnownToolsSide(toolsSide),
    check: (text, clientName) => check(gate, inForce.settings, text, clientName),
    post: (request) => {
      const { policy, limits } = inForce.settings;
      const { reads, deadlines } = arrivals;
      return post({ gate, reads, deadlines, policy, connectTimeoutMs: limits.connectTimeoutMs }, request);
    },
    addOwnPort: (port) => own.addPort(port),
    endSoon: () => arrivals.running.endSoon(),
    async stop() {
      watch.stop();
      await drain({ arrivals, pool, doors });
      pods.stop();
    },
  };
  // Not spread, since that would read a getter only once.
  return Object.assign(stateOf(arrivals, doors, watch, pods), deeds);
}

function createPodsOf({ api, onPods }: AppOptions, inForce: ConfigurationInForce): Pods {
  return createPods({
    clients: () => inForce.settings.clients,
    api: api ?? createApiServer(process.env),
    onChange: (state) => onPods?.onChange(state),
    onAmbiguous: (pod) => onPods?.onAmbiguous(pod),
  });
}

function createArrivals(
  options: AppOptions,
  { gate, deadlines }: WayOut,
  inForce: ConfigurationInForce,
  pods: Pods,
): Arrivals {
  const { config, records, onDefect, onAsked, runTime } = options;
  return new Arrivals({
    gate,
    inForce,
    records,
    labels: createClientLabels(gate.resolver, () => inForce.settings.policy),
    leases: config.guard?.leases == null ? null : createLeases(config.guard.leases),
    pods,
    newId: createIds(),
    reads: new DirectReads(Buffer.allocUnsafeSlow(RELAY_BUFFER_BYTES)),
    deadlines,
    memory: createMemoryBudget(inForce),
    onDefect,
    ...(onAsked === undefined ? {} : { onAsked }),
    ...(runTime === undefined ? {} : { runTime }),
  });
}

function createWatch(options: AppOptions, { gate, own }: WayOut, inForce: ConfigurationInForce): RelayWatch {
  const { config, resolver, onRelay } = options;
  return createRelayWatch({
    // With a cache of its own: a gateway that is looked for too early must not be missing for the first client that comes.
    gate: { ...gate, resolver: resolver ?? createResolver({ ...config.dns, here: () => inForce.settings.policy }) },
    links: own.links,
    doors: boundAddresses(toolDoors(config)),
    relays: config.relay,
    onChange: (health) => onRelay?.(health),
  });
}

async function start(doors: Doors, { host, own }: WayOut, watch: RelayWatch): Promise<Map<string, AddressInfo>> {
  // Before anyone can ask for them.
  await host.refresh();
  const bound = await doors.open();
  for (const { port } of bound.values()) own.addPort(port);
  watch.start();
  return bound;
}

function wouldAsk(
  { settings }: ConfigurationInForce,
  { own }: WayOut,
  client: ClientIdentity,
  target: Target,
): boolean {
  const refused = decideHost(settings.policy, { target, client, own: own.current() });
  return refused?.reason === 'not-yet-allowed';
}

function stateOf(arrivals: Arrivals, doors: Doors, watch: RelayWatch, pods: Pods): AppState {
  return {
    pods,
    memory: arrivals.memory,
    get isDraining() {
      return arrivals.running.isDraining;
    },
    get openTunnelBytes() {
      return arrivals.running.openTunnelBytes;
    },
    get openTunnels() {
      return arrivals.running.openTunnels;
    },
    get openConnections() {
      return doors.openConnections;
    },
    get unansweredDnsPeers() {
      return doors.unansweredDnsPeers;
    },
    get relays() {
      return watch.health;
    },
  };
}
