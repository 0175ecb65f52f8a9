/** What a reload cannot change: it waits for a restart. */
import type { Config } from '../../config/config.js';

/** A listener that was opened with a token keeps one: without it, it might be anyone's until the restart. */
export function keepAdminClosed(before: Config, after: Config): Config {
  return after.admin.token === null && before.admin.token !== null ? { ...after, admin: before.admin } : after;
}

/** The keys that are read at start only and that differ. */
export function changedAtStartOnly(before: Config, after: Config): string[] {
  const keys = ['listen', 'dns', 'steer', 'relay', 'log', 'state', 'otlp'] as const;
  const changed = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  return before.admin.token !== null && after.admin.token === null ? [...changed, 'admin'] : changed;
}
