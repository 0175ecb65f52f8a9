/** Reloads of the configuration as metrics. */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface ReloadMetrics {
  /** A reload of the configuration that took effect. */
  reloaded(): void;
  /** A reload that was refused; the earlier policy stays in force. */
  reloadFailed(): void;
}

export function countReloads(registry: Registry): ReloadMetrics {
  const registers = [registry];
  const total = new Counter({
    name: 'egress_policy_reloads_total',
    help: 'Reloads of the configuration that took effect.',
    registers,
  });
  const failures = new Counter({
    name: 'egress_policy_reload_failures_total',
    help: 'Reloads that were refused; the previous policy stays in force.',
    registers,
  });
  const stale = new Gauge({
    name: 'egress_policy_stale',
    help: '1 while the last reload was refused, so that the file is not what is in force.',
    registers,
  });
  return {
    reloaded() {
      total.inc();
      stale.set(0);
    },
    reloadFailed() {
      failures.inc();
      stale.set(1);
    },
  };
}
