/** The command `guard`: the filter between a gateway that starts tools and the engine's socket. */
import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.js';
import type { GuardConfig } from '../config/guard-config.js';
import { formatConfigErrors, loadConfig } from '../config/load.js';
import { watchConfig } from '../config/watch.js';
import { Engine } from '../guard/engine.js';
import { createGuard } from '../guard/guard.js';
import { createLeaseFile } from '../guard/lease-file.js';
import { createSpawnFile } from '../guard/spawn-file.js';
import { createIds } from '../observe/ids.js';
import { openLog } from '../observe/open-log.js';
import { spawnJson } from '../observe/spawn-record.js';
import { command, EXIT, type Io } from './command.js';
import { configPath, readConfiguration } from './configuration.js';

const WATCH_MS = 2000;
const HEALTH_MS = 2000;
const LOG_CLOSE_MS = 1000;

/** Exit code 78 for a configuration that is bad or has no section `guard`, 1 where the socket cannot be made. */
export const guardCommand = command({
  name: 'guard',
  synopsis: '[--config FILE] [--health]',
  details: `  Listens on the Unix socket guard.listen, for a gateway that starts tools with the Docker CLI, and lets through to
  the engine what starting a tool needs. SIGHUP or a changed file reloads the section guard for tools to come.
  --health exits 0 if the guard that runs in this container answers, and the engine does.`,
  options: { config: { type: 'string' }, health: { type: 'boolean' } },
  async run(values, _operands, io) {
    const path = configPath(values.config);
    const config = readConfiguration(path, io);
    if (config === null) return EXIT.badConfig;
    if (config.guard === null) {
      io.stderr(`egress-proxy: ${path} has no section guard\n`);
      return EXIT.badConfig;
    }
    return values.health === true ? health(config.guard, io) : guard(path, config, config.guard);
  },
});

async function health({ listen }: GuardConfig, io: Io): Promise<number> {
  try {
    const { status } = await new Engine(() => listen).ask({ method: 'GET', path: '/_ping' }, HEALTH_MS);
    return status === 200 ? EXIT.ok : EXIT.failed;
  } catch (error) {
    io.stderr(`guard: no answer (${error instanceof Error ? error.message : String(error)})\n`);
    return EXIT.failed;
  }
}

async function guard(path: string, config: Config, first: GuardConfig): Promise<null> {
  let current = first;
  const log = await openLog({ ...config.log, file: null });
  const file = createSpawnFile(first.leases);
  const newId = createIds();
  const onDefect = (error: unknown): void => log.events.error({ event: 'defect', err: error }, 'a defect was caught');
  process.on('uncaughtException', onDefect);
  process.on('unhandledRejection', onDefect);
  const running = createGuard({
    config: () => current,
    engine: new Engine(() => first.engine),
    leaseFile: createLeaseFile(first.leases),
    random: () => randomBytes(3).toString('hex'),
    record(decided) {
      const record = { event: 'spawn', id: newId(), time: new Date().toISOString(), ...decided } as const;
      const json = spawnJson(record);
      log.spawns(record, json);
      file(json);
    },
    onDefect,
    onNotice: (text) => log.events.warn({ event: 'engine' }, text),
  });
  const reload = (): void => {
    const loaded = loadConfig({ path, env: process.env });
    if (loaded.ok && loaded.config.guard !== null) {
      const { listen, engine, leases } = first;
      current = { ...loaded.config.guard, listen, engine, leases };
      log.events.info({ event: 'reloaded', path }, 'the configuration is in force for tools to come');
      return;
    }
    const errors = loaded.ok ? ['guard: the section is gone'] : formatConfigErrors(loaded.errors).split('\n');
    log.events.error({ event: 'reload-failed', path, errors }, 'the configuration is bad; the one before it stays');
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
