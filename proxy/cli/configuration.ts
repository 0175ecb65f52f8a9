/** Which configuration file a command works with, and what it says where that cannot be used. */
import type { Config } from '../config/config.js';
import { formatConfigErrors, loadConfig } from '../config/load.js';

export { configPath } from './config-path.js';

/** sysexits.h EX_CONFIG. */
export const BAD_CONFIG = 78;

/** The configuration, or null after every mistake in it is on stderr. */
export function readConfiguration(path: string): Config | null {
  const loaded = loadConfig({ path, env: process.env });
  if (loaded.ok) return loaded.config;
  const count = loaded.errors.length;
  process.stderr.write(
    `egress-proxy: ${path} has ${count} ${count === 1 ? 'mistake' : 'mistakes'}:\n${formatConfigErrors(loaded.errors)}\n`,
  );
  return null;
}
