/** Metrics of exports to a collector; registered only if the configuration has one. */
import { Counter, type Registry } from 'prom-client';

/** `dropped`: log lines lost so far. The series exist from the start, because alerts look for an increase. */
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
  for (const reason of ['metrics', 'logs'])
    for (const outcome of ['sent', 'failed']) exports.inc({ reason, outcome }, 0);
  return (signal, outcome) => exports.inc({ reason: signal, outcome });
}
