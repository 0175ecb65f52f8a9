/** Where the doors leave their records: log, ring and metrics behind one sink. */
import { closeJson, decisionJson } from './json-line.js';
import type { KeptTest } from './kept.js';
import type { CloseRecord, DecisionRecord, DecisionSink, SpawnRecord } from './record.js';

/** Takes each record with its line of JSON (without a line end). Never blocks, never throws. */
export interface Observer {
  decision(record: DecisionRecord, json: string): void;
  closed(record: CloseRecord, json: string): void;
  /** The record just handed to `decision` is to be kept apart, so that no flood pushes it out. */
  kept?(record: DecisionRecord, json: string): void;
}

/** Takes each record of the spawn guard with its line of JSON. Never blocks, never throws. */
export type SpawnObserver = (record: SpawnRecord, json: string) => void;

/** One sink for all observers, in their order, so that a record becomes JSON only once. `instance`: in each line. */
export function fanOut(
  observers: readonly Observer[],
  isKept: KeptTest = () => false,
  instance?: string,
): DecisionSink {
  return {
    decision(record) {
      const json = flat(decisionJson(record, instance));
      for (const observer of observers) observer.decision(record, json);
      if (isKept(record)) for (const observer of observers) observer.kept?.(record, json);
    },
    closed(record) {
      const json = flat(closeJson(record, instance));
      for (const observer of observers) observer.closed(record, json);
    },
  };
}

/** Hands every record to the one and then to the other. */
export function both(first: DecisionSink, second: DecisionSink): DecisionSink {
  return {
    decision(record) {
      first.decision(record);
      second.decision(record);
    },
    closed(record) {
      first.closed(record);
      second.closed(record);
    },
  };
}

/**
 * V8 keeps a concatenated string as a tree of its parts. Reading a character turns it into one piece, once for all readers.
 */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}
