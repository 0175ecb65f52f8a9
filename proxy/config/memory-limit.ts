/** How much of the process's memory may be held on behalf of clients and origins: docs/limits.md derives it in words. */
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

export interface ProcessMemory {
  /** The most that V8 lets its heap grow to: `--max-old-space-size`, or what Node makes of the container's limit. */
  readonly heapBytes: number;
  /** The limit of the control group, or the machine's memory. */
  readonly processBytes: number;
}

/** Half of the heap and a quarter of the process: the rest is the program, its connections and the collector's slack. */
export function memoryForOthers({ heapBytes, processBytes }: ProcessMemory): number {
  return Math.max(LEAST_BYTES, Math.min(heapBytes / 2, processBytes / 4));
}

/** With less, a share could not hold a single request. */
const LEAST_BYTES = 16 * 2 ** 20;

export function processMemory(): ProcessMemory {
  const machine = totalmem();
  const constrained = process.constrainedMemory() ?? 0;
  return {
    heapBytes: getHeapStatistics().heap_size_limit,
    processBytes: constrained > 0 ? Math.min(constrained, machine) : machine,
  };
}
