/** The command `serve`: the proxy from start to clean end. */

import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type AppOptions, createApp } from '../app.js';
import type { Config } from '../config/config.js';
import { policyFile, shippedPolicyFile } from '../config/policy-file.js';
import { isLoopbackHost } from '../core/loopback.js';
import { hostPortText } from '../core/target.js';
import type { Notices } from '../notify/notices.js';
import { podsEvents } from '../observe/pods-events.js';
import type { Records } from '../observe/record.js';
import { relayEvents } from '../observe/relay-events.js';
import { command, EXIT, version } from './command.js';
import { isShippedPolicy } from './config-path.js';
import { configPath, readConfiguration } from './configuration.js';
import { openAdmin, type Shown } from './serve/admin-listener.js';
import { dnsEvents } from './serve/dns-events.js';
import { FollowedConfiguration } from './serve/followed-configuration.js';
import { openHealth } from './serve/health-listener.js';
import type { HttpListener } from './serve/http-listener.js';
import { type KernelWatch, watchKernel } from './serve/kernel-watch.js';
import { NoticedRecords, openNotices } from './serve/notifier.js';
import { openObservation } from './serve/observation.js';
import { openRunTime } from './serve/run-time.js';
import { showPage } from './serve/show-page.js';
import { Shutdown } from './serve/shutdown.js';

/**
 * A head start for clients that waited for the proxy's port: what comes after the doors loads node:http and more, which keeps
 * the event loop busy. DECISIONS 194.
 */
const HEAD_START_MS = 50;
/** How long the last notices may take to leave the process. */
const NOTICES_MS = 1000;

/** Exit code 78 for a bad configuration, 1 where a listener cannot be opened, 2 usage; else null: it runs on. */
export const serveCommand = command({
  name: 'serve',
  synopsis: '[--config FILE]',
  details: `  Runs the proxy until SIGTERM or SIGINT, then drains it. SIGHUP or a changed file reloads the policy.
  --config FILE falls back to EGRESS_CONFIG, then to the shipped policy.
  exit code: 0 after a clean drain, 1 a listener cannot be opened, 78 the configuration cannot be used`,
  options: { config: { type: 'string' } },
  async run(values, _operands, io) {
    const path = configPath(values.config);
    const config = readConfiguration(path, io);
    if (config === null) return EXIT.badConfig;
    await serve(path, config);
    return null;
  },
});

/** What comes up one after the other. */
interface Serving extends Shown {
  readonly path: string;
  readonly config: Config;
  readonly notices: Notices;
  kernel: KernelWatch | null;
  admin: HttpListener | null;
  health: HttpListener | null;
  readonly shutdown: Shutdown;
  isReady: boolean;
}

async function serve(path: string, config: Config): Promise<void> {
  const serving = await compose(path, config);
  const { app, followed, runTime, observation } = serving;
  runTime.start();
  // Nothing that a client sends may end the process: what no handler has caught is logged, and the rest goes on. DECISIONS 240.
  process.on('uncaughtException', observation.onDefect);
  process.on('unhandledRejection', observation.onDefect);
  process.on('warning', ({ name }) =>
    observation.log.events.warn({ event: 'node-warning', name }, 'a warning from Node or a library'),
  );
  followed.start();
  if (config.listen.admin !== null) app.addOwnPort(config.listen.admin.port);
  // Before the doors are open: a client is served from the first moment of a listener, and is drained from then on. As a
  // container's first process, one without a handler would be deaf.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => serving.shutdown.heard(signal));
  const bound = await app.start();
  const isOutward = [...bound.values()].some(({ address }) => !isLoopbackHost(address));
  serving.kernel = watchKernel(observation.log.events, isOutward);
  await setTimeout(HEAD_START_MS);
  observation.metrics.watchProcess();
  serving.health = await openHealth(config.listen.metrics, {
    state: () => stateOf(serving),
    relays: () => app.relays,
    registry: observation.metrics.registry,
    isFromTools: (socket) => app.isKnownTool(socket),
  });
  if (serving.health !== null) app.addOwnPort(serving.health.at.port);
  serving.admin = await openAdmin(config, serving, () => stateOf(serving));
  serving.isReady = true;
  announce(serving, bound);
}

/** Nothing listens yet. The rooms know each other by functions that are called only when all are there. */
async function compose(path: string, config: Config): Promise<Serving> {
  const observation = await openObservation(config, {
    version: version(),
    app: () => app,
    config: () => followed.current,
    clientNames: () => followed.clientNames,
    kernel: () => serving.kernel,
  });
  const { log, metrics } = observation;
  const followed = new FollowedConfiguration({
    path,
    config,
    events: log.events,
    metrics,
    apply(read, shown) {
      records.follow(shown);
      runTime.reloaded(shown, app.reload(read));
    },
  });
  const runTime = openRunTime({
    path,
    file: isShippedPolicy(path) ? shippedPolicyFile(path) : policyFile(path, process.env),
    config: () => followed.current,
    log: log.events,
    app: () => app,
    reload: () => followed.readAgain(),
    onAsked: (asking) => notices.asked(asking),
  });
  const notices = openNotices(config, {
    observation,
    config: () => followed.current,
    clientNames: () => followed.clientNames,
    warning: runTime.control.warning,
    app: () => app,
  });
  const records = new NoticedRecords(observation.sink, notices, config);
  const app = createApp(appOptions(config, { runTime, records, observation }));
  const rooms = { observation, followed, runTime, notices, app };
  const shutdown = shutdownOf(() => serving);
  const later = { kernel: null, admin: null, health: null, isReady: false };
  const serving: Serving = { path, config, ...rooms, shutdown, ...later };
  return serving;
}

function shutdownOf(serving: () => Serving): Shutdown {
  return new Shutdown({
    delayMs: () => serving().followed.current.limits.drainDelayMs,
    wait: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => undefined),
    onDelay(signal, delayMs) {
      const { app, observation } = serving();
      const { events } = observation.log;
      app.endSoon();
      events.info({ event: 'drain-delay', signal, delayMs }, 'no longer ready, but serving until the drain begins');
    },
    drain: (signal) => stop(serving(), signal),
    insist: () => process.exit(1),
  });
}

function appOptions(
  config: Config,
  { runTime, records, observation }: Pick<Serving, 'runTime' | 'observation'> & { readonly records: Records },
): AppOptions {
  const { events } = observation.log;
  return {
    config,
    runTime: runTime.gate,
    records,
    onDefect: observation.onDefect,
    onUnknownHost: (name) =>
      events.warn({ event: 'host-address-unknown', name }, 'a name of network.hostAddresses does not resolve'),
    onRelay: relayEvents(events),
    onPods: podsEvents(events),
    onAsked: ({ client, host }) =>
      events.info({ event: 'name-asked', client, host }, 'a steered client asked for the address of a name'),
    onDnsSettings: dnsEvents(events, config),
  };
}

function stateOf({ app, shutdown, isReady }: Serving): 'starting' | 'ready' | 'draining' {
  if (shutdown.hasBegun) return 'draining';
  return isReady && app.pods.isKnown ? 'ready' : 'starting';
}

/** The end of the process. */
async function stop(serving: Serving, signal: NodeJS.Signals): Promise<void> {
  const { app, observation, followed, runTime, notices } = serving;
  const fields = { event: 'draining', signal, openTunnels: app.openTunnels };
  observation.log.events.info(fields, 'no new requests are accepted');
  followed.close();
  observation.stop();
  runTime.close();
  await app.stop();
  await Promise.all([serving.admin?.close(), serving.health?.close()]);
  await notices.close(NOTICES_MS);
  await observation.close();
  process.exit(0);
}

function announce(
  { app, admin, health, runTime, observation, config, path, followed }: Serving,
  doors: Map<string, AddressInfo>,
) {
  const bound = new Map(doors);
  if (health !== null) bound.set('metrics', health.at);
  if (admin !== null) {
    app.addOwnPort(admin.at.port);
    bound.set('admin', admin.at);
    if (runTime.token !== null) showPage(admin.at, runTime.token);
  }
  const listening = Object.fromEntries([...bound].map(([purpose, at]) => [purpose, hostPortText(at.address, at.port)]));
  const { mode, default: fallback, deny, internal, allow } = config.policy;
  const rules = deny.length + internal.length + allow.length;
  const summary = { version: version(), mode, default: fallback, rules };
  const digest = followed.current.digest();
  observation.log.events.info({ event: 'listening', listening, ...summary, digest, config: path }, 'ready');
}
