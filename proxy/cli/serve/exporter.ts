/** The OTLP exporter of `serve`, wired to the app's way out, to the log and to the metrics. */
import type { App } from '../../app.js';
import type { OtlpSettings, Receiver } from '../../config/receivers.js';
import { authorityText } from '../../core/target.js';
import type { LogOutput } from '../../observe/decision-log.js';
import { countExports } from '../../observe/export-metrics.js';
import { instanceName } from '../../observe/instance.js';
import type { Metrics } from '../../observe/metrics.js';
import type { OpenLog } from '../../observe/open-log.js';

export interface OtlpOptions {
  readonly version: string;
  readonly app: () => App;
  readonly log: () => OpenLog;
  readonly metrics: () => Metrics;
}

export interface OpenExporter {
  /** Further outputs of the log: empty if it is not exported. */
  readonly outputs: readonly LogOutput[];
  /** To be called once log and metrics exist. */
  start(): void;
  close(): Promise<void>;
}

/** The most time for one export, from DNS to the end of the answer. */
const TIMEOUT_MS = 10_000;
/** The most time for the last export, at the end of the process. */
const CLOSE_MS = 1000;

/** Loaded only with a collector, since it takes memory and makes the start longer. */
export async function openExporter(settings: OtlpSettings, options: OtlpOptions): Promise<OpenExporter> {
  const { Exporter } = await import('../../otlp/exporter.js');
  const { version, app, log, metrics } = options;
  const { to, signals } = settings;
  const where = authorityText(to.target);
  let count: ReturnType<typeof countExports> = () => undefined;
  const exporter = new Exporter({
    settings,
    version,
    instance: instanceName(process.env),
    post: (signal, body) =>
      app().post({
        sender: 'otlp',
        to,
        path: pathOf(to, signal),
        contentType: 'application/x-protobuf',
        body,
        timeoutMs: TIMEOUT_MS,
      }),
    onFailing: (why) =>
      log().events.warn(
        { event: 'otlp-failed', to: where, why },
        'an export did not arrive; not repeated until one does',
      ),
    onWorking: () => log().events.info({ event: 'otlp-works', to: where }, 'exports arrive again'),
    count: (signal, outcome) => count(signal, outcome),
  });
  return {
    outputs: signals.includes('logs') ? [{ sink: exporter.lines, render: null }] : [],
    start() {
      const { registry } = metrics();
      count = countExports(registry, () => exporter.lines.dropped);
      exporter.start(registry);
    },
    close: () => exporter.close(CLOSE_MS),
  };
}

/** The endpoint's own path comes first, as in OTEL_EXPORTER_OTLP_ENDPOINT. */
function pathOf({ path }: Receiver, signal: 'metrics' | 'logs'): string {
  const [base = '', ...query] = path.split('?');
  return [`${base.replace(/\/+$/, '')}/v1/${signal}`, ...query].join('?');
}
