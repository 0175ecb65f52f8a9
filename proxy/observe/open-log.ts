/** Opens the outputs that the configuration asks for, and the two logs over them. */
import type { Logger } from 'pino';
import { createDecisionLog, createEventLog, type LogLevel, type LogOutput } from './decision-log.js';
import { type LineSink, stdoutSink } from './line-sink.js';
import type { Observer } from './observe.js';

export interface LogSettings {
  readonly level: LogLevel;
}

export interface OpenLog {
  readonly decisions: Observer;
  /** For all that is no record. */
  readonly events: Logger;
  /** Lines lost on any output. */
  dropped(): number;
  /** Writes what is buffered, but waits no longer than `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/** `stdout`: standard output, or what stands in for it in tests. */
export async function openLog(settings: LogSettings, stdout: LineSink = stdoutSink()): Promise<OpenLog> {
  const sinks = [stdout];
  const outputs: LogOutput[] = [{ sink: stdout, render: null }];
  return {
    decisions: createDecisionLog(settings.level, outputs),
    events: createEventLog(settings.level, outputs),
    dropped: () => sinks.reduce((sum, sink) => sum + sink.dropped(), 0),
    async close(deadlineMs) {
      await Promise.all(sinks.map((sink) => sink.close(deadlineMs)));
    },
  };
}
