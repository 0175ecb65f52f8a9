/** The metrics. Labels have few values and none that a tool can choose: never a host or an address. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { NoticeEvent, NoticeOutcome } from '../core/notice-event.js';
import { addMemoryMetrics, type ShownMemory } from './memory-metrics.js';
import { countNotices } from './notice-metrics.js';
import { addPodsMetrics, type NamespaceLook } from './pods-metrics.js';
import type { DecisionSink, SpawnRecord } from './record.js';
import { RecordMetrics, type TunnelBytes } from './record-metrics.js';
import type { RelayLook } from './relay-events.js';
import { addRelayMetrics } from './relay-metrics.js';
import { countReloads } from './reload-metrics.js';

/** What is asked for when the metrics are read, rather than reported when it changes. */
export interface MetricsOptions {
  openTunnels(): number;
  openConnections(): number;
  /** The bytes that the open tunnels have carried so far. */
  openTunnelBytes?(): TunnelBytes;
  /** The names of the clients of the configuration in force. */
  clients?(): ReadonlySet<string>;
  /** The version of the program. */
  readonly version?: string;
  unansweredDnsPeers(): number;
  /** Null before the doors are open. */
  kernel(): { readonly forwards: boolean; readonly takesForgedSources: boolean } | null;
  /** Absent or null: nothing is shown. */
  memory?(): ShownMemory | null;
  droppedLogLines(): number;
  streamReaders(): number;
  lostStreamRecords(): number;
  /** What the fixed relays lead to; absent: there are none. */
  relays?(): readonly RelayLook[];
  /** The namespaces whose pods are watched; absent: none. */
  pods?(): readonly NamespaceLook[];
  policy(): { readonly digest: string; readonly mode: string; readonly default: string };
}

export interface Metrics {
  /** Counts the doors' records. */
  readonly records: DecisionSink;
  /** A decision of the spawn guard. */
  spawn(record: SpawnRecord): void;
  /** The outcome of a notice. */
  notice(event: NoticeEvent, outcome: NoticeOutcome): void;
  readonly registry: Registry;
  /** Adds what Node knows of this process. To be called once, behind the doors' opening: it loads parts of Node. */
  watchProcess(): void;
  /** A reload of the configuration that took effect. */
  reloaded(): void;
  /** A reload that was refused; the earlier policy stays in force. */
  reloadFailed(): void;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  addSources(registry, options);
  const clients = () => options.clients?.() ?? NONE;
  const records = new RecordMetrics(registry, clients, () => options.openTunnelBytes?.() ?? { up: 0, down: 0 });
  return {
    registry,
    records,
    watchProcess: () => collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 }),
    spawn: countSpawns(registry),
    notice: countNotices(registry),
    ...countReloads(registry),
  };
}

function countSpawns(registry: Registry): (record: SpawnRecord) => void {
  const counter = new Counter({
    name: 'egress_spawns_total',
    help: 'Decisions of the spawn guard by outcome and reason ("none" if there is none).',
    labelNames: ['outcome', 'reason'],
    registers: [registry],
  });
  return ({ outcome, reason }) => counter.inc({ outcome, reason: reason ?? 'none' });
}

const NONE: ReadonlySet<string> = new Set();

function addSources(registry: Registry, options: MetricsOptions): void {
  const build = new Gauge({
    name: 'egress_build_info',
    help: 'Always 1; the labels have the versions of the program and of Node.',
    labelNames: ['version', 'node'],
    registers: [registry],
  });
  build.set({ version: options.version ?? 'unknown', node: process.version }, 1);
  const policy = new Gauge({
    name: 'egress_policy_info',
    help: 'Always 1; the labels identify the policy in force.',
    labelNames: ['digest', 'mode', 'default'],
    registers: [registry],
    collect() {
      policy.reset();
      const { digest, mode, default: fallback } = options.policy();
      policy.set({ digest, mode, default: fallback }, 1);
    },
  });
  addMemoryMetrics(registry, () => options.memory?.() ?? null);
  addRelayMetrics(registry, () => options.relays?.() ?? []);
  addPodsMetrics(registry, () => options.pods?.() ?? []);
  addGauge(registry, 'egress_tunnels_open', 'Tunnels that are open now.', options.openTunnels);
  addGauge(registry, 'egress_connections_open', 'Client connections that are open now.', options.openConnections);
  addGauge(registry, 'egress_stream_readers', 'Readers of the live stream.', options.streamReaders);
  addGauge(
    registry,
    'egress_kernel_forwarding',
    '1 while the kernel routes packets between the networks of the proxy, past it.',
    () => Number(options.kernel()?.forwards ?? false),
  );
  addGauge(
    registry,
    'egress_kernel_forged_sources',
    '1 while the kernel accepts packets whose source belongs to another network, or routes from a neighbour.',
    () => Number(options.kernel()?.takesForgedSources ?? false),
  );
  addTotal(
    registry,
    'egress_dns_door_dropped_total',
    'Datagrams and connections that reached the DNS door from outside its own link, and got no answer.',
    options.unansweredDnsPeers,
  );
  addTotal(registry, 'egress_log_lines_dropped_total', 'Log lines lost to a slow output.', options.droppedLogLines);
  addTotal(
    registry,
    'egress_stream_records_lost_total',
    'Records that readers of the live stream were too slow for.',
    options.lostStreamRecords,
  );
}

function addGauge(registry: Registry, name: string, help: string, read: () => number): void {
  const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) });
}

function addTotal(registry: Registry, name: string, help: string, read: () => number): void {
  const counter = new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      counter.reset();
      counter.inc(read());
    },
  });
}
