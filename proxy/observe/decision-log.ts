/** The log, one JSON object per line: records are encoded by hand, everything else by pino. */
import { type Logger, pino } from 'pino';
import { escapeInvisible, type Level, levelOf } from './json-line.js';
import type { LineSink } from './line-sink.js';
import type { Observer, SpawnObserver } from './observe.js';
import { spawnLevel } from './spawn-record.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A place to which lines go. `render` turns a line of JSON (without a line end) into what is written there. */
export interface LogOutput {
  readonly sink: Pick<LineSink, 'write'>;
  readonly render: ((json: string) => string) | null;
}

/**
 * Writes each record whose level is on to every output. Records that are kept apart go to `apart` as well, whatever their
 * level. Never blocks, never throws.
 */
export function createDecisionLog(
  level: LogLevel,
  outputs: readonly LogOutput[],
  apart: readonly LogOutput[] = [],
): Observer {
  return {
    decision(record, json) {
      if (isOn(level, levelOf(record))) writeLine(outputs, json);
    },
    closed(record, json) {
      if (isOn(level, record.reason === null ? 'info' : 'warn')) writeLine(outputs, json);
    },
    kept: (_record, json) => writeLine(apart, json),
  };
}

/** Writes the spawn guard's records to the same outputs. */
export function createSpawnLog(level: LogLevel, outputs: readonly LogOutput[]): SpawnObserver {
  return (record, json) => {
    if (isOn(level, spawnLevel(record))) writeLine(outputs, json);
  };
}

/** The logger for everything but records: start, reload, errors. `level` as text, `time` in ISO 8601, `instance` in each line. */
export function createEventLog(level: LogLevel, outputs: readonly LogOutput[], instance?: string): Logger {
  const options = {
    level,
    base: instance === undefined ? null : { instance },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, { write: (line: string) => writeLine(outputs, escapeInvisible(line.trimEnd())) });
}

/** Writes one line of JSON, given without its line end, to every output. */
function writeLine(outputs: readonly LogOutput[], json: string): void {
  for (const { sink, render } of outputs) sink.write(`${render === null ? json : render(json)}\n`);
}

/** True if a record of level `own` belongs in a log of level `threshold`. */
function isOn(threshold: LogLevel, own: Level): boolean {
  if (threshold === 'error') return false;
  return own === 'warn' || threshold !== 'warn';
}
