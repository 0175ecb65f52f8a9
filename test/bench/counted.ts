/** Counts what a process does, from inside: loaded before the proxy by counts.ts, which asks over IPC. */
import { createHook } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { Session } from 'node:inspector/promises';
import { type Called, callsByPlace } from './called.js';

export interface Counts {
  /** What the engine allocates for objects, closures and strings. */
  readonly bytes: number;
  /** Functions of this package that were called, with how often. */
  readonly called: readonly Called[];
  readonly listeners: number;
  readonly timers: number;
  readonly promises: number;
  /** What is put off: process.nextTick and setImmediate. */
  readonly ticks: number;
}

const SAMPLE_BYTES = 1024;
const inits = new Map<string, number>();
let listeners = 0;

createHook({ init: (_id, type) => void inits.set(type, (inits.get(type) ?? 0) + 1) }).enable();
for (const name of ['on', 'addListener', 'once'] as const) {
  const add = EventEmitter.prototype[name];
  EventEmitter.prototype[name] = function (this: EventEmitter, event: string | symbol, listener) {
    listeners += 1;
    return add.call(this, event, listener);
  };
}

const session = new Session();
session.connect();
process.on('message', (message) => {
  const done = message === 'start' ? start().then(() => null) : counts();
  void done.then((answer) => process.send?.(answer));
});

async function start(): Promise<void> {
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLE_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  inits.clear();
  listeners = 0;
}

async function counts(): Promise<Counts> {
  const found = [...inits];
  const of = (...types: readonly string[]): number =>
    found.reduce((sum, [type, count]) => (types.includes(type) ? sum + count : sum), 0);
  const counted = {
    listeners,
    timers: of('Timeout'),
    promises: of('PROMISE'),
    ticks: of('TickObject', 'Immediate'),
  };
  const { profile } = await session.post('HeapProfiler.stopSampling');
  const { result } = await session.post('Profiler.takePreciseCoverage');
  await session.post('Profiler.stopPreciseCoverage');
  return {
    bytes: bytesOf(profile.head),
    called: callsByPlace(result),
    ...counted,
  };
}

interface Node {
  readonly selfSize: number;
  readonly children: readonly Node[];
}

function bytesOf({ selfSize, children }: Node): number {
  return children.reduce((sum, child) => sum + bytesOf(child), selfSize);
}
