/** Which configuration file a command works with, and what it says where that cannot be used. */
import type { Config } from '../config/config.js';
import { formatConfigErrors, type LoadOptions, loadConfig } from '../config/load.js';
import type { Io } from './command.js';

export { configPath } from './config-path.js';

/** The configuration, or null after every mistake in it is on stderr. */
export function readConfiguration(
  path: string,
  io: Pick<Io, 'stderr' | 'env'>,
  options: Pick<LoadOptions, 'view'> = {},
): Config | null {
  const loaded = loadConfig({ path, env: io.env, ...options });
  if (loaded.ok) return loaded.config;
  const count = loaded.errors.length;
  io.stderr(
    `egress-proxy: ${path} has ${count} ${count === 1 ? 'mistake' : 'mistakes'}:\n${formatConfigErrors(loaded.errors)}\n`,
  );
  return null;
}
