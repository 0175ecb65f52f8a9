/** A collector on loopback that decodes what it gets, and an exporter of the test. */
import { Registry } from 'prom-client';
import { compileOtlp, otlpSection } from '../../proxy/config/receivers.js';
import { Exporter, type OtlpSignal } from '../../proxy/otlp/exporter.js';
import type { Posted } from '../../proxy/post/post.js';
import { attributes, Message } from './wire.js';

export interface LogSeen {
  readonly body: string;
  readonly severity: number | null;
  readonly time: bigint | null;
  readonly event: string;
  readonly attributes: Record<string, unknown>;
}

/** ExportLogsServiceRequest: resource_logs 1, scope_logs 2, log_records 2. */
export function logsOf(body: Buffer): LogSeen[] {
  return new Message(body)
    .all(1)
    .flatMap((resource) => resource.all(2))
    .flatMap((scope) => scope.all(2))
    .map((record) => ({
      body: record.at(5).text(1),
      severity: record.number(2),
      time: record.fixed64(1),
      event: record.text(12),
      attributes: attributes(record.all(6)),
    }));
}

/** ExportMetricsServiceRequest: resource_metrics 1, scope_metrics 2, metrics 2; by name. */
export function metricsOf(body: Buffer): Map<string, Message> {
  const metrics = new Message(body)
    .all(1)
    .flatMap((resource) => resource.all(2))
    .flatMap((scope) => scope.all(2));
  return new Map(metrics.map((metric) => [metric.text(1), metric]));
}

export function resourceOf(body: Buffer): Record<string, unknown> {
  return attributes(new Message(body).at(1, 1).all(1));
}

export interface Sent {
  readonly signal: OtlpSignal;
  readonly body: Buffer;
}

export interface Stand {
  readonly exporter: Exporter;
  readonly registry: Registry;
  readonly sent: Sent[];
  readonly events: string[];
  answer: () => Posted | Promise<Posted>;
}

export function exporterTo(signals: readonly string[] = ['metrics', 'logs']): Stand {
  const settings = compileOtlp(otlpSection.parse({ endpoint: 'http://collector.test:4318', signals, interval: '1h' }));
  const stand: Stand = {
    sent: [],
    events: [],
    registry: new Registry(),
    answer: () => ({ ok: true }),
    exporter: new Exporter({
      settings,
      version: '1.2.3',
      instance: 'nas',
      startedAt: Date.UTC(2026, 0, 1),
      async post(signal, body) {
        stand.sent.push({ signal, body });
        return stand.answer();
      },
      onFailing: (why) => stand.events.push(`failing: ${why}`),
      onWorking: () => stand.events.push('working'),
      count: () => undefined,
    }),
  };
  stand.exporter.start(stand.registry);
  return stand;
}
