/** The spawn guard's records as lines of JSON, for a file that the proxy reads in another container (parse-spawn.ts). */
import { escapeInvisible, type Level } from './json-line.js';
import type { SpawnRecord } from './record.js';

/** The file that the guard writes and the proxy reads, in the folder of the lease file. */
export const SPAWN_FILE = 'spawns.jsonl';

/** No legitimate field is longer. */
export const LONGEST = 512;

export function spawnLevel({ outcome }: SpawnRecord): Level {
  return outcome === 'allow' ? 'info' : 'warn';
}

/** One JSON object without a line end. What is too long is cut, and no value can end the line. */
export function spawnJson(record: SpawnRecord): string {
  const cut = (_: string, value: unknown) =>
    typeof value === 'string' && value.length > LONGEST ? `${value.slice(0, LONGEST - 3)}...` : value;
  const { time, event, ...rest } = record;
  return escapeInvisible(JSON.stringify({ level: spawnLevel(record), time, event, ...rest }, cut));
}
