/** Opens the outputs that the configuration asks for, and the logs that write to them. */
import type { Logger } from 'pino';
import { createDecisionLog, createEventLog, createSpawnLog, type LogLevel, type LogOutput } from './decision-log.js';
import { ecsLine } from './ecs.js';
import { keptFile, type LogFile, openFileSink } from './file-sink.js';
import { type LineSink, stdoutSink } from './line-sink.js';
import type { Observer, SpawnObserver } from './observe.js';
import { prettyRenderer } from './pretty.js';
import { hasColour } from './terminal.js';

export type LogFormat = 'json' | 'pretty' | 'ecs';

export interface LogSettings {
  readonly level: LogLevel;
  /** Null: pretty at a terminal, else json. A file is always json: its records are read again. */
  readonly format: LogFormat | null;
  readonly file: LogFile | null;
  /** In each line of events. */
  readonly instance?: string;
}

export interface OpenLog {
  readonly decisions: Observer;
  readonly spawns: SpawnObserver;
  /** For everything but records. */
  readonly events: Logger;
  /** Lines lost on any output. */
  dropped(): number;
  /** Writes what is buffered, for no longer than `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/** How often a file that stays unwritable is reported. */
const PROBLEM_EVERY_MS = 60_000;

/**
 * Rejects if the log file cannot be opened. `more`: further outputs. `stdout`: standard output, or what replaces it in tests.
 */
export async function openLog(
  settings: LogSettings,
  stdout: LineSink = stdoutSink(),
  more: readonly LogOutput[] = [],
): Promise<OpenLog> {
  const { level } = settings;
  const format = settings.format ?? (process.stdout.isTTY === true ? 'pretty' : 'json');
  const sinks = [stdout];
  const outputs: LogOutput[] = [{ sink: stdout, render: rendererOf(format) }, ...more];
  const apart: LogOutput[] = [];
  const events = createEventLog(level, outputs, settings.instance);
  if (settings.file !== null) {
    const { path } = settings.file;
    let toldAt = Number.NEGATIVE_INFINITY;
    const onProblem = (error: Error): void => {
      if (performance.now() - toldAt < PROBLEM_EVERY_MS) return;
      toldAt = performance.now();
      events.error({ event: 'log-file', path, err: error }, 'the log file cannot be written');
    };
    const [sink, kept] = [
      await openFileSink(settings.file, onProblem),
      await openFileSink(keptFile(settings.file), onProblem),
    ];
    sinks.push(sink, kept);
    outputs.push({ sink, render: null });
    apart.push({ sink: kept, render: null });
  }
  return {
    decisions: createDecisionLog(level, outputs, apart),
    spawns: createSpawnLog(level, outputs),
    events,
    dropped: () => sinks.reduce((sum, sink) => sum + sink.dropped(), 0),
    async close(deadlineMs) {
      await Promise.all(sinks.map((sink) => sink.close(deadlineMs)));
    },
  };
}

function rendererOf(format: LogFormat): LogOutput['render'] {
  if (format === 'ecs') return ecsLine;
  return format === 'pretty' ? prettyRenderer(hasColour(process.stdout, process.env), process.stdout.isTTY) : null;
}
