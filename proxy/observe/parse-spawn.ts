/** Reads the spawn guard's records: lines that another container has written. */
import * as z from 'zod';
import { SPAWN_REASONS, type SpawnReason } from '../core/spawn-reasons.js';
import type { SpawnRecord } from './record.js';
import { LONGEST } from './spawn-record.js';

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
