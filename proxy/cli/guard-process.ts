/** The guard as a process: its log, its reloads and its end. */
import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.js';
import type { GuardConfig } from '../config/guard-config.js';
import { guardView } from '../config/guard-view.js';
import { formatConfigErrors, loadConfig } from '../config/load.js';
import { watchConfig } from '../config/watch.js';
import { Engine } from '../guard/engine.js';
import { createGuard } from '../guard/guard.js';
import { createLeaseFile } from '../guard/lease-file.js';
import { createSpawnFile } from '../guard/spawn-file.js';
import { createIds } from '../observe/clock.js';
import { instanceName } from '../observe/instance.js';
import { openLog } from '../observe/open-log.js';
import { spawnJson } from '../observe/spawn-record.js';
import { EXIT, type Io } from './command.js';
import { readConfiguration } from './configuration.js';

const WATCH_MS = 2000;
const LOG_CLOSE_MS = 1000;

/** Exit code 78 for a configuration that is bad or has no section `guard`; null: it runs on. */
export async function runGuard(path: string, io: Io): Promise<number | null> {
  const config = readConfiguration(path, io, { view: guardView });
  if (config === null) return EXIT.badConfig;
  if (config.guard !== null) return guard(path, config, config.guard);
  io.stderr(
    `egress-proxy: ${path} has no section guard: add one, or start the stack without the guard (docs/spawn-guard.md)\n`,
  );
  return EXIT.badConfig;
}

async function guard(path: string, config: Config, first: GuardConfig): Promise<null> {
  let current = first;
  const instance = instanceName(process.env);
  const log = await openLog({ ...config.log, file: null, instance });
  const file = createSpawnFile(first.leases);
  const newId = createIds();
  const onDefect = (error: unknown): void =>
    log.events.error({ event: 'defect', err: error }, 'an internal error was caught, and the process goes on');
  process.on('uncaughtException', onDefect);
  process.on('unhandledRejection', onDefect);
  const running = createGuard({
    config: () => current,
    engine: new Engine(() => first.engine),
    leaseFile: createLeaseFile(first.leases),
    random: () => randomBytes(3).toString('hex'),
    record(decided) {
      const record = { event: 'spawn', id: newId(), time: new Date().toISOString(), ...decided, instance } as const;
      const json = spawnJson(record);
      log.spawns(record, json);
      file(json);
    },
    onDefect,
    onNotice: (text) => log.events.warn({ event: 'engine' }, text),
  });
  const reload = (): void => {
    const loaded = loadConfig({ path, env: process.env, view: guardView });
    if (loaded.ok && loaded.config.guard !== null) {
      // Tools are recognized by the network, too: with another one, those that run would belong to nobody.
      const { listen, engine, leases, network } = first;
      current = { ...loaded.config.guard, listen, engine, leases, network };
      log.events.info({ event: 'reloaded', path }, 'the configuration is in force for tools that start from now on');
      return;
    }
    const errors = loaded.ok ? ['guard: the section is missing'] : formatConfigErrors(loaded.errors).split('\n');
    log.events.error(
      { event: 'reload-failed', path, errors },
      'the configuration has mistakes; the previous one stays in force',
    );
  };
  await running.start();
  const watch = watchConfig({ path, intervalMs: WATCH_MS, onChange: reload });
  process.on('SIGHUP', reload);
  const stop = async (): Promise<void> => {
    watch.close();
    await running.stop();
    log.events.info({ event: 'stopped' }, 'stopped');
    await log.close(LOG_CLOSE_MS);
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  log.events.info({ event: 'listening', listening: { guard: first.listen }, config: path }, 'ready');
  return null;
}
