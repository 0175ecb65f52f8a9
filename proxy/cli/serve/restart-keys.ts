/** Settings that a reload cannot change, only a restart. */
import type { Config } from '../../config/config.js';

/** A listener that was opened with a token keeps it, because without one it could be open to anyone until the restart. */
export function keepAdminClosed(before: Config, after: Config): Config {
  return after.admin.token === null && before.admin.token !== null ? { ...after, admin: before.admin } : after;
}

/** The keys that differ and are read only at the start. */
export function changedAtStartOnly(before: Config, after: Config): string[] {
  const keys = ['listen', 'dns', 'steer', 'relay', 'log', 'state', 'otlp'] as const;
  const changed = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  return before.admin.token !== null && after.admin.token === null ? [...changed, 'admin'] : changed;
}
