/** What an operator's dashboards read. Labels have few values: an outcome, a reason, a door, never a host or client. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { sectionOf } from '../core/rule-id.js';
import type { CloseCause, DecisionRecord, DecisionSink, SpawnRecord } from './record.js';
import type { RelayLook } from './relay-events.js';
import { addRelayMetrics } from './relay-metrics.js';
import { countReloads } from './reload-metrics.js';

/** What is asked when the metrics are read, rather than told when it changes. */
export interface MetricSources {
  openTunnels(): number;
  openConnections(): number;
  unansweredDnsPeers(): number;
  /** Null before the doors are open. */
  kernel(): { readonly forwards: boolean; readonly takesForgedSources: boolean } | null;
  droppedLogLines(): number;
  streamReaders(): number;
  lostStreamRecords(): number;
  /** What the fixed relays lead to; absent: there are none. */
  relays?(): readonly RelayLook[];
  policy(): { readonly digest: string; readonly mode: string; readonly default: string };
}

export interface Metrics extends DecisionSink {
  /** What the spawn guard decided. */
  spawn(record: SpawnRecord): void;
  readonly registry: Registry;
  /** A reload of the configuration that took effect. */
  reloaded(): void;
  /** A reload that was refused: the policy before it stays in force. */
  reloadFailed(): void;
}

const NAME_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const TUNNEL_SECONDS = [0.1, 1, 10, 60, 600, 3600, 36_000];

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 });
  addSources(registry, sources);
  const requests = countRequests(registry);
  const rules = countRules(registry);
  const closes = countCloses(registry);
  const dns = new Histogram({
    name: 'egress_dns_seconds',
    help: 'Time to the answer of DNS, cached answers included.',
    buckets: NAME_SECONDS,
    registers,
  });
  const connect = new Histogram({
    name: 'egress_connect_seconds',
    help: 'Time from the first connection attempt to a connection or to giving up.',
    buckets: NAME_SECONDS,
    registers,
  });
  return {
    registry,
    decision(record) {
      requests(record);
      rules(record);
      if (isTime(record.dnsMs)) dns.observe(record.dnsMs / 1000);
      if (isTime(record.connectMs)) connect.observe(record.connectMs / 1000);
    },
    closed: closes,
    spawn: countSpawns(registry),
    ...countReloads(registry),
  };
}

/** Counted in a plain map, and handed to the registry when it is read: a record must not cost a hash of its labels. */
function countRequests(registry: Registry): (record: DecisionRecord) => void {
  const rows = new Map<string, { readonly labels: Record<string, string>; count: number }>();
  const counter = new Counter({
    name: 'egress_requests_total',
    help: 'Requests by outcome, reason ("none" where there is none) and door.',
    labelNames: ['outcome', 'reason', 'door'],
    registers: [registry],
    collect() {
      counter.reset();
      for (const { labels, count } of rows.values()) counter.inc(labels, count);
    },
  });
  return ({ outcome, reason, door }) => {
    const key = `${outcome} ${reason} ${door}`;
    const row = rows.get(key);
    if (row !== undefined) row.count++;
    else rows.set(key, { labels: { outcome, reason: reason ?? 'none', door }, count: 1 });
  };
}

/** By rule of the configuration: as many series as it has rules. A reload may name them anew, so there is an end to it. */
function countRules(registry: Registry): (record: DecisionRecord) => void {
  const rows = new Map<string, { readonly labels: Record<string, string>; count: number }>();
  const counter = new Counter({
    name: 'egress_rule_decisions_total',
    help: 'Requests that a rule of the configuration decided, by its name or position and by outcome.',
    labelNames: ['rule', 'outcome'],
    registers: [registry],
    collect() {
      counter.reset();
      for (const { labels, count } of rows.values()) counter.inc(labels, count);
    },
  });
  return ({ rule, outcome }) => {
    if (rule === null || sectionOf(rule) === null) return;
    const key = `${outcome} ${rule}`;
    const row = rows.get(key);
    if (row !== undefined) row.count++;
    else if (rows.size < MOST_RULE_ROWS) rows.set(key, { labels: { rule, outcome }, count: 1 });
  };
}

const MOST_RULE_ROWS = 1000;

function countCloses(registry: Registry): DecisionSink['closed'] {
  const registers = [registry];
  const sums = { up: 0, down: 0 };
  const causes = new Map<CloseCause, number>();
  const bytes = new Counter({
    name: 'egress_tunnel_bytes_total',
    help: 'Bytes of closed tunnels; up is from the client.',
    labelNames: ['direction'],
    registers,
    collect() {
      bytes.reset();
      bytes.inc({ direction: 'up' }, sums.up);
      bytes.inc({ direction: 'down' }, sums.down);
    },
  });
  const closed = new Counter({
    name: 'egress_tunnels_closed_total',
    help: 'Closed tunnels by cause.',
    labelNames: ['cause'],
    registers,
    collect() {
      closed.reset();
      for (const [cause, count] of causes) closed.inc({ cause }, count);
    },
  });
  const duration = new Histogram({
    name: 'egress_tunnel_seconds',
    help: 'How long closed tunnels were open.',
    buckets: TUNNEL_SECONDS,
    registers,
  });
  return (record) => {
    sums.up += record.bytesUp;
    sums.down += record.bytesDown;
    causes.set(record.cause, (causes.get(record.cause) ?? 0) + 1);
    if (isTime(record.durationMs)) duration.observe(record.durationMs / 1000);
  };
}

function countSpawns(registry: Registry): (record: SpawnRecord) => void {
  const counter = new Counter({
    name: 'egress_spawns_total',
    help: 'Decisions of the spawn guard by outcome and reason ("none" where there is none).',
    labelNames: ['outcome', 'reason'],
    registers: [registry],
  });
  return ({ outcome, reason }) => counter.inc({ outcome, reason: reason ?? 'none' });
}

function addSources(registry: Registry, sources: MetricSources): void {
  const policy = new Gauge({
    name: 'egress_policy_info',
    help: 'Always 1; the labels tell the policy in force.',
    labelNames: ['digest', 'mode', 'default'],
    registers: [registry],
    collect() {
      policy.reset();
      const { digest, mode, default: fallback } = sources.policy();
      policy.set({ digest, mode, default: fallback }, 1);
    },
  });
  addRelayMetrics(registry, () => sources.relays?.() ?? []);
  addGauge(registry, 'egress_tunnels_open', 'Tunnels that are open now.', sources.openTunnels);
  addGauge(registry, 'egress_connections_open', 'Client connections that are open now.', sources.openConnections);
  addGauge(registry, 'egress_stream_readers', 'Readers of the live stream.', sources.streamReaders);
  addGauge(
    registry,
    'egress_kernel_forwarding',
    '1 where the kernel routes packets between the networks of the proxy, past it.',
    () => Number(sources.kernel()?.forwards ?? false),
  );
  addGauge(
    registry,
    'egress_kernel_forged_sources',
    '1 where the kernel takes packets whose source belongs to another network, or routes from a neighbour.',
    () => Number(sources.kernel()?.takesForgedSources ?? false),
  );
  addTotal(
    registry,
    'egress_dns_door_dropped_total',
    'Datagrams and connections at the DNS door from elsewhere than its own link: not answered.',
    sources.unansweredDnsPeers,
  );
  addTotal(registry, 'egress_log_lines_dropped_total', 'Log lines lost to a slow output.', sources.droppedLogLines);
  addTotal(
    registry,
    'egress_stream_records_lost_total',
    'Records that readers of the live stream were too slow for.',
    sources.lostStreamRecords,
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

function isTime(value: number | null): value is number {
  return value !== null && Number.isFinite(value);
}
