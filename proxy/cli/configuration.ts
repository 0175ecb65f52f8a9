/** Which configuration file a command works with, and what it says where that cannot be used. */
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.js';
import { formatConfigErrors, loadConfig } from '../config/load.js';

/** sysexits.h EX_CONFIG. */
export const BAD_CONFIG = 78;

/** `--config FILE`, else `EGRESS_CONFIG`, else the policy that is shipped with the program. */
export function configPath(option: string | undefined): string {
  return option ?? (process.env.EGRESS_CONFIG || shippedPolicy());
}

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

function shippedPolicy(): string {
  return fileURLToPath(new URL('../../../config/policy.yaml', import.meta.url));
}
