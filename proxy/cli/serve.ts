/** The command `serve`: the proxy from start to clean end. */
import { setTimeout } from 'node:timers/promises';
import type { AdminOptions } from '../admin/options.js';
import { changesBetween, type ReloadState } from '../admin/policy-changes.js';
import { policyView } from '../admin/policy-view.js';
import { createApp } from '../app.js';
import type { Config } from '../config/config.js';
import { formatConfigErrors, loadConfig } from '../config/load.js';
import { watchConfig } from '../config/watch.js';
import { isLoopbackHost } from '../core/loopback.js';
import { listenError } from '../net/listen.js';
import { createKeptTest } from '../observe/kept.js';
import { createMetrics } from '../observe/metrics.js';
import { both, fanOut } from '../observe/observe.js';
import { openLog } from '../observe/open-log.js';
import { restoreRing } from '../observe/read-back.js';
import { relayEvents } from '../observe/relay-events.js';
import { foldRepeats } from '../observe/repeats.js';
import { createRing } from '../observe/ring.js';
import { spawnJson } from '../observe/spawn-record.js';
import { createSpawnRing } from '../observe/spawn-ring.js';
import { tailSpawns } from '../observe/spawn-tail.js';
import { command, EXIT, version } from './command.js';
import { configPath, readConfiguration } from './configuration.js';
import { dnsEvents } from './dns-events.js';
import { type KernelWatch, watchKernel } from './kernel-watch.js';
import { changedAtStartOnly, keepAdminClosed } from './restart-keys.js';
import { openRunTime } from './run-time.js';
import { saysTheSame } from './same-config.js';
import { showPage } from './show-page.js';

/** How many decisions the admin API can show. */
const RING_RECORDS = 5000;
/** How often the configuration file is looked at. */
const WATCH_MS = 2000;
/** How often the spawn guard's records are looked for. */
const SPAWNS_MS = 1000;
/** For clients that waited for the proxy's port: loading Fastify keeps the event loop busy for a tenth of a second. DECISIONS 194. */
const HEAD_START_MS = 50;
/** How long the log may take to leave the process at its end. */
const LOG_CLOSE_MS = 1000;

/** Exit code 78 for a bad configuration, 1 where a listener cannot be opened, 2 usage; else null: it runs on. */
export const serveCommand = command({
  name: 'serve',
  synopsis: '[--config FILE]',
  details: `  Runs the proxy until SIGTERM or SIGINT, and then drains it. SIGHUP or a changed file reloads the policy.
  --config FILE falls back to EGRESS_CONFIG, then to the shipped policy.`,
  options: { config: { type: 'string' } },
  async run(values, _operands, io) {
    const path = configPath(values.config);
    const config = readConfiguration(path, io);
    return config === null ? EXIT.badConfig : serve(path, config);
  },
});

async function serve(path: string, config: Config): Promise<number | null> {
  let current = config;
  let lastRead = config;
  let clients = namesOf(config);
  let secretFiles = config.secretFiles;
  let lastReload: ReloadState | null = null;
  const log = await openLog(config.log);
  const ring = createRing(RING_RECORDS);
  if (config.log.file !== null) await restoreRing(ring, config.log.file, RING_RECORDS);
  const metrics = createMetrics({
    version: version(),
    clients: () => clients,
    openTunnels: () => app.openTunnels,
    openTunnelBytes: () => app.openTunnelBytes,
    openConnections: () => app.openConnections,
    unansweredDnsPeers: () => app.unansweredDnsPeers,
    kernel: () => kernel?.now() ?? null,
    memory: () => app.memory,
    droppedLogLines: log.dropped,
    streamReaders: ring.subscribers,
    lostStreamRecords: ring.lost,
    relays: () => app.relays,
    policy: () => ({ digest: current.digest, mode: current.policy.mode, default: current.policy.default }),
  });
  const spawns = createSpawnRing();
  const tail = tailSpawns({
    folder: config.guard?.leases ?? null,
    intervalMs: SPAWNS_MS,
    onRecord(record, isEarlier) {
      spawns.add(record);
      if (isEarlier) return;
      metrics.spawn(record);
      log.spawns(record, spawnJson(record));
    },
  });
  const records = foldRepeats(fanOut([log.decisions, ring], createKeptTest()));
  const onDefect = (error: unknown): void => log.events.error({ event: 'defect', err: error }, 'a defect was caught');
  const onUnknownHost = (name: string): void =>
    log.events.warn({ event: 'host-address-unknown', name }, 'a name of network.hostAddresses does not resolve');
  const runTime = openRunTime({
    path,
    config: () => current,
    log: log.events,
    app: () => app,
    reload: () => reread(),
    onQuestion: () => undefined,
  });
  const app = createApp({
    config,
    runTime: runTime.gate,
    sink: both(metrics, records),
    onDefect,
    onUnknownHost,
    onRelay: relayEvents(log.events),
    onAsked: ({ client, host }) => log.events.info({ event: 'name-asked', client, host }, 'a steered client asks'),
    onDnsSettings: dnsEvents(log.events, config),
  });
  runTime.start();
  // Nothing that a client sends may end the process: what no handler has caught is logged, and the rest goes on.
  process.on('uncaughtException', onDefect);
  process.on('unhandledRejection', onDefect);

  process.on('warning', ({ name }) =>
    log.events.warn({ event: 'node-warning', name }, 'a warning of Node or a library'),
  );

  const warn = (): void => {
    for (const warning of current.warnings) log.events.warn({ event: 'config-warning', ...warning }, warning.message);
  };
  warn();
  const reload = (): void => {
    const loaded = loadConfig({ path, env: process.env });
    secretFiles = loaded.files;
    if (!loaded.ok) {
      metrics.reloadFailed();
      const errors = formatConfigErrors(loaded.errors).split('\n');
      lastReload = { at: new Date().toISOString(), ok: false, errors, changes: [] };
      log.events.error(
        { event: 'reload-failed', path, errors },
        'the configuration is bad; the policy before it stays',
      );
      return;
    }
    // A file that was touched, or SIGHUP beside the watch: nothing is different, and nothing is said.
    if (lastReload?.ok !== false && saysTheSame(lastRead, loaded.config)) return;
    lastRead = loaded.config;
    const ignored = changedAtStartOnly(current, loaded.config);
    const before = policyView(current);
    current = keepAdminClosed(current, loaded.config);
    const changes = changesBetween(before, policyView(current));
    lastReload = { at: new Date().toISOString(), ok: true, errors: [], changes };
    clients = namesOf(current);
    runTime.reloaded(current, app.reload(loaded.config));
    metrics.reloaded();
    log.events.info({ event: 'reloaded', path, digest: current.digest }, 'the configuration is in force');
    warn();
    if (ignored.length > 0) log.events.warn({ event: 'reload-partial', keys: ignored }, 'these keys need a restart');
  };
  const watch = watchConfig({ path, others: () => secretFiles, intervalMs: WATCH_MS, onChange: reload });
  const reread = (): void => {
    watch.seen();
    reload();
  };
  process.on('SIGHUP', reread);

  if (config.listen.admin !== null) app.addOwnPort(config.listen.admin.port);
  let isReady = false;
  let kernel: KernelWatch | null = null;
  let admin: Awaited<ReturnType<typeof startAdmin>> = null;
  // Before the doors are open: a client is served from the first moment of a listener, and is drained from then on. As a
  // container's first process, one without a handler would be deaf.
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (app.isDraining) process.exit(1);
    log.events.info({ event: 'draining', signal, openTunnels: app.openTunnels }, 'no new requests are taken');
    watch.close();
    tail.close();
    runTime.close();
    await app.stop();
    await admin?.close();
    records.flush();
    log.events.info({ event: 'stopped' }, 'stopped');
    await log.close(LOG_CLOSE_MS);
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const bound = await app.start();
  const isOutward = [...bound.values()].some(({ address }) => !isLoopbackHost(address));
  kernel = watchKernel(log.events, isOutward);
  admin = await startAdmin(config, {
    state: () => (app.isDraining ? 'draining' : isReady ? 'ready' : 'starting'),
    relays: () => app.relays,
    check: app.check,
    ring: { ...ring, find: (id) => ring.find(records.idOf(id)) },
    spawns,
    registry: metrics.registry,
    policyView: () => policyView(current),
    lastReload: () => lastReload,
    logFile: config.log.file?.path ?? null,
    get token() {
      return current.admin.token;
    },
    get next() {
      return current.admin.next;
    },
    writeToken: runTime.token,
    runTime: runTime.control,
    isFromTools: app.isFromTools,
  });
  if (admin !== null) {
    app.addOwnPort(admin.at.port);
    bound.set('admin', admin.at);
  }
  isReady = true;
  if (admin !== null && runTime.token !== null) showPage(admin.at, runTime.token);
  const listening = Object.fromEntries([...bound].map(([purpose, at]) => [purpose, `${at.address}:${at.port}`]));
  const { mode, default: fallback, deny, internal, allow } = config.policy;
  const rules = deny.length + internal.length + allow.length;
  const summary = { version: version(), mode, default: fallback, rules };
  log.events.info({ event: 'listening', listening, ...summary, digest: current.digest, config: path }, 'ready');
  return null;
}

/** Null where `listen.admin` is off. Loaded only now: the proxy answers before Fastify is there. */
async function startAdmin({ listen }: Config, options: Omit<AdminOptions, 'loopback'>) {
  if (listen.admin === null) return null;
  await setTimeout(HEAD_START_MS);
  const { buildAdmin } = await import('../admin/admin.js');
  // Not copied: the tokens are read as they are at each request.
  const server = buildAdmin(Object.assign(options, { loopback: isLoopbackHost(listen.admin.host) }));
  try {
    await server.listen({ host: listen.admin.host, port: listen.admin.port });
  } catch (error) {
    throw error instanceof Error ? listenError(listen.admin, 'admin', error) : error;
  }
  const [at] = server.addresses();
  if (at === undefined || typeof at === 'string') throw new Error('the admin listener has no address');
  return { at, close: () => server.close() };
}

function namesOf(config: Config): ReadonlySet<string> {
  return new Set(config.clients.map(({ name }) => name));
}
