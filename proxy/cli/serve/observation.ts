/** What the proxy records and counts while it serves: log, ring, metrics, and the spawn guard's records. */
import type { App } from '../../app.js';
import type { Config } from '../../config/config.js';
import { instanceName } from '../../observe/instance.js';
import { createKeptTest } from '../../observe/kept.js';
import { createMetrics, type Metrics, type MetricsOptions } from '../../observe/metrics.js';
import { fanOut } from '../../observe/observe.js';
import { type OpenLog, openLog } from '../../observe/open-log.js';
import type { DecisionSink } from '../../observe/record.js';
import { Repeats } from '../../observe/repeats.js';
import { createRing, type Ring } from '../../observe/ring.js';
import { spawnJson } from '../../observe/spawn-record.js';
import { createSpawnRing, type SpawnRing } from '../../observe/spawn-ring.js';
import type { SpawnTail } from '../../observe/spawn-tail.js';
import { openExporter } from './exporter.js';
import type { KernelWatch } from './kernel-watch.js';

/** The most decisions that the admin API can show. */
const RING_RECORDS = 5000;
/** How often the proxy looks for records of the spawn guard. */
const SPAWNS_MS = 1000;
/** The most time for writing the rest of the log at the end of the process. */
const LOG_CLOSE_MS = 1000;

/** What the metrics ask for each time they are read. */
export interface Live {
  readonly version: string;
  app(): App;
  config(): Config;
  /** The names of the clients in the configuration in force. */
  clientNames(): ReadonlySet<string>;
  /** Null before the doors are open. */
  kernel(): KernelWatch | null;
}

export interface Observation {
  readonly log: OpenLog;
  readonly metrics: Metrics;
  readonly ring: Ring;
  readonly spawns: SpawnRing;
  /** For the doors' records. */
  readonly sink: DecisionSink;
  /** For what was thrown and not expected by any handler. */
  readonly onDefect: (error: unknown) => void;
  /** Stops looking for records of the guard. */
  stop(): void;
  /** Writes what is counted but not written yet, and what is buffered. */
  close(): Promise<void>;
}

/** Rejects if the log file cannot be opened. */
export async function openObservation(config: Config, live: Live): Promise<Observation> {
  const instance = instanceName(process.env);
  const otlp = { version: live.version, app: live.app, log: () => log, metrics: () => metrics };
  const exporter = config.otlp === null ? null : await openExporter(config.otlp, otlp);
  const log = await openLog({ ...config.log, instance }, undefined, exporter?.outputs);
  const ring = createRing(RING_RECORDS);
  await restoreFrom(config.log.file, ring);
  const metrics = createMetrics(sourcesOf(live, log, ring));
  exporter?.start();
  const records = new Repeats(fanOut([log.decisions, ring], createKeptTest(), instance), {
    counter: metrics.records,
  });
  const spawns = createSpawnRing();
  const tail = await followGuard(config, { log, metrics, spawns });
  return {
    log,
    metrics,
    ring: { ...ring, find: (id) => ring.find(records.idOf(id)) },
    spawns,
    sink: records,
    onDefect: (error) =>
      log.events.error({ event: 'defect', err: error }, 'an internal error was caught, and the process goes on'),
    stop: () => tail?.close(),
    async close() {
      records.flush();
      log.events.info({ event: 'stopped' }, 'stopped');
      await exporter?.close();
      await log.close(LOG_CLOSE_MS);
    },
  };
}

function sourcesOf({ version, app, config, clientNames, kernel }: Live, log: OpenLog, ring: Ring): MetricsOptions {
  return {
    version,
    clients: clientNames,
    openTunnels: () => app().openTunnels,
    openTunnelBytes: () => app().openTunnelBytes,
    openConnections: () => app().openConnections,
    unansweredDnsPeers: () => app().unansweredDnsPeers,
    kernel: () => kernel()?.now() ?? null,
    memory: () => app().memory,
    droppedLogLines: log.dropped,
    streamReaders: ring.subscribers,
    lostStreamRecords: ring.lost,
    relays: () => app().relays,
    pods: () => app().pods.namespaces,
    policy() {
      const current = config();
      const { mode, default: fallback } = current.policy;
      return { digest: current.digest(), mode, default: fallback };
    },
  };
}

/** Loads what reads records only where there are some: its schemas cost a start 3 ms. */
async function restoreFrom(file: Config['log']['file'], ring: Ring): Promise<void> {
  if (file === null) return;
  const { restoreRing } = await import('../../observe/read-back.js');
  await restoreRing(ring, file, RING_RECORDS);
}

/** The same for those of the guard. Null: there is none. */
async function followGuard(
  { guard }: Config,
  to: Pick<Observation, 'log' | 'metrics' | 'spawns'>,
): Promise<SpawnTail | null> {
  if (guard?.leases == null) return null;
  const { tailSpawns } = await import('../../observe/spawn-tail.js');
  return tailSpawns({
    folder: guard.leases,
    intervalMs: SPAWNS_MS,
    onRecord(record, isEarlier) {
      to.spawns.add(record);
      if (isEarlier) return;
      to.metrics.spawn(record);
      to.log.spawns(record, spawnJson(record));
    },
  });
}
