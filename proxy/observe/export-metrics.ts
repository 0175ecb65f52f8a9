/** What became of exports to a collector; there only where the configuration has one. */
import { Counter, type Registry } from 'prom-client';

/** `dropped`: lines of the log that were lost so far. */
export function countExports(
  registry: Registry,
  dropped: () => number,
): (signal: 'metrics' | 'logs', outcome: 'sent' | 'failed') => void {
  const exports = new Counter({
    name: 'egress_otlp_exports_total',
    help: 'Exports to the collector of otlp, by what was sent and by outcome.',
    labelNames: ['reason', 'outcome'],
    registers: [registry],
  });
  const lines = new Counter({
    name: 'egress_otlp_lines_dropped_total',
    help: 'Log lines that the collector of otlp did not get.',
    registers: [registry],
    collect() {
      lines.reset();
      lines.inc(dropped());
    },
  });
  return (signal, outcome) => exports.inc({ reason: signal, outcome });
}
