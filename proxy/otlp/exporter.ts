/**
 * Sends metrics and log to a collector by OTLP over HTTP, in protobuf. Bounded even if the collector is slow or gone: one POST
 * at a time, a bounded queue of lines, and no queue of metrics, since the next ones say as much.
 */
import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import type { Registry } from 'prom-client';
import type { OtlpSettings } from '../config/receivers.js';
import type { Posted } from '../post/post.js';
import { LineQueue } from './line-queue.js';
import { otlpLog } from './otlp-logs.js';
import { otlpMetrics } from './otlp-metrics.js';
import { hrTime, resourceOf } from './resource.js';

export interface ExporterOptions {
  readonly settings: OtlpSettings;
  readonly version: string;
  /** Distinguishes this process from others that export to the same collector. */
  readonly instance: string;
  /** Never rejects. `signal` is the last part of the path. */
  readonly post: (signal: OtlpSignal, body: Buffer) => Promise<Posted>;
  /** Called once when exporting begins to fail. */
  readonly onFailing: (why: string) => void;
  readonly onWorking: () => void;
  readonly count: (signal: OtlpSignal, outcome: 'sent' | 'failed') => void;
  readonly startedAt?: number;
}

export type OtlpSignal = 'metrics' | 'logs';

/** So that waiting lines take no more than a few MiB, whatever the collector does. */
const QUEUE = { lines: 4096, bytes: 2 * 1024 * 1024 };
const BATCH_LINES = 512;
const LOGS_MS = 5000;
/** The bound of the pause after a failure, which doubles each time. */
const LONGEST_PAUSE_MS = 60_000;

export class Exporter {
  /** The output to which the log writes its lines. */
  readonly lines = new LineQueue(QUEUE);
  readonly #options: ExporterOptions;
  readonly #resource;
  readonly #startTime;
  #registry: Registry | null = null;
  #timers: NodeJS.Timeout[] = [];
  #sending: Promise<void> = Promise.resolve();
  readonly #waiting = new Set<OtlpSignal>();
  #pauseMs = 0;
  #resumeAt = 0;
  #isFailing = false;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#resource = resourceOf(options.version, options.instance);
    this.#startTime = hrTime(options.startedAt ?? Date.now());
  }

  /** Sends both from now on, each in its interval. */
  start(registry: Registry): void {
    const { signals, intervalMs } = this.#options.settings;
    this.#registry = registry;
    if (signals.includes('logs')) this.#timers.push(this.#every(LOGS_MS, 'logs', () => this.sendLogs()));
    if (signals.includes('metrics')) this.#timers.push(this.#every(intervalMs, 'metrics', () => this.sendMetrics()));
  }

  /** Resolves when the waiting lines were sent, or could not be. */
  sendLogs(): Promise<void> {
    return this.#inTurn(async () => {
      if (performance.now() < this.#resumeAt) return;
      for (let goesOn = true; goesOn && this.lines.length > 0; ) goesOn = await this.#sendBatch();
    });
  }

  sendMetrics(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#registry === null || performance.now() < this.#resumeAt) return;
      const times = { startTime: this.#startTime, endTime: hrTime(Date.now()) };
      const body = ProtobufMetricsSerializer.serializeRequest(await otlpMetrics(this.#registry, this.#resource, times));
      if (body !== undefined) await this.#post('metrics', Buffer.from(body));
    });
  }

  /** Sends the last of both, for no longer than `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    const { signals } = this.#options.settings;
    this.#resumeAt = 0;
    const last = [
      ...(signals.includes('metrics') ? [this.sendMetrics()] : []),
      ...(signals.includes('logs') ? [this.sendLogs()] : []),
    ];
    let deadline: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      deadline = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([Promise.all(last), late]);
    clearTimeout(deadline);
  }

  /** False if it did not arrive. */
  async #sendBatch(): Promise<boolean> {
    const batch = this.lines.peek(BATCH_LINES);
    const records = batch.flatMap((line) => otlpLog(line, this.#resource) ?? []);
    const body = ProtobufLogsSerializer.serializeRequest(records);
    const posted = body === undefined ? null : await this.#post('logs', Buffer.from(body));
    if (posted?.ok) this.lines.remove(batch.length);
    else if (!posted?.mayWork) this.lines.drop(batch.length);
    return posted?.ok ?? true;
  }

  async #post(signal: OtlpSignal, body: Buffer): Promise<Posted> {
    const { post, count, onFailing, onWorking } = this.#options;
    const posted = await post(signal, body);
    count(signal, posted.ok ? 'sent' : 'failed');
    this.#pauseMs = posted.ok ? 0 : Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs || LOGS_MS);
    this.#resumeAt = performance.now() + this.#pauseMs;
    if (posted.ok && this.#isFailing) onWorking();
    if (!posted.ok && !this.#isFailing) onFailing(posted.why);
    this.#isFailing = !posted.ok;
    return posted;
  }

  /** Skips a time at which the send before still waits or is under way. */
  #every(ms: number, signal: OtlpSignal, send: () => Promise<void>): NodeJS.Timeout {
    const tick = async (): Promise<void> => {
      if (this.#waiting.has(signal)) return;
      this.#waiting.add(signal);
      await send();
      this.#waiting.delete(signal);
    };
    return setInterval(() => void tick(), ms).unref();
  }

  /** One POST at a time. */
  #inTurn(send: () => Promise<void>): Promise<void> {
    this.#sending = this.#sending.then(send, send);
    return this.#sending;
  }
}
