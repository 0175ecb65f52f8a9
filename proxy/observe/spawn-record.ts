/** The spawn guard's records as lines of JSON and back: the proxy reads what the guard has written in another container. */
import * as z from 'zod';
import { SPAWN_REASONS, type SpawnReason } from '../core/spawn-reasons.js';
import { escapeInvisible, type Level } from './json-line.js';
import type { SpawnRecord } from './record.js';

/** The file that the guard writes and the proxy reads, in the folder of the lease file. */
export const SPAWN_FILE = 'spawns.jsonl';

/** No legitimate field is longer. */
const LONGEST = 512;

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

const text = z.string().max(LONGEST).nullable();
const schema = z.object({
  event: z.literal('spawn'),
  id: z.string().regex(/^[\w.-]{1,64}$/),
  time: z.iso.datetime(),
  outcome: z.enum(['allow', 'deny', 'fail']),
  reason: z.custom<SpawnReason>((value) => typeof value === 'string' && Object.hasOwn(SPAWN_REASONS, value)).nullable(),
  operation: z.string().max(LONGEST),
  server: text,
  image: text,
  field: text,
  container: text,
  address: text,
  status: z.int(),
  explanation: text,
  instance: z.string().max(LONGEST).optional(),
});

/** Null for a line that is no complete record. */
export function parseSpawnLine(line: string): SpawnRecord | null {
  try {
    const parsed = schema.safeParse(JSON.parse(line));
    if (!parsed.success) return null;
    const { instance, ...record } = parsed.data;
    return instance === undefined ? record : { ...record, instance };
  } catch {
    return null;
  }
}
