/** Reads decision records from outside: from files and answers that others may have written to. */
import * as z from 'zod';
import { REASONS } from '../core/reasons.js';
import { type DecisionRecord, DOORS } from './record.js';

const text = z.string().max(512).nullable();
const milliseconds = z.number().nonnegative().nullable();
const schema = z.object({
  event: z.literal('decision'),
  id: z.string().regex(/^[\w.-]{1,64}$/),
  time: z.iso.datetime(),
  outcome: z.enum(['allow', 'deny', 'fail']),
  reason: z
    .custom<keyof typeof REASONS>((value) => typeof value === 'string' && Object.hasOwn(REASONS, value))
    .nullable(),
  rule: text,
  mode: z.enum(['enforce', 'report']),
  client: z.object({ address: z.string().max(512), name: text }),
  door: z.enum(DOORS),
  method: text,
  host: text,
  port: z.int().min(0).max(65_535).nullable(),
  addresses: z.array(z.string().max(512)),
  dialed: text,
  status: z.int().nullable(),
  dnsMs: milliseconds,
  connectMs: milliseconds,
  serverName: z.string().max(512).optional(),
  repeats: z.int().positive().optional(),
  instance: z.string().max(512).optional(),
});

/** Null for anything but a complete decision record; unknown fields are left out. */
export function parseRecord(value: unknown): DecisionRecord | null {
  const parsed = schema.safeParse(value);
  if (!parsed.success) return null;
  const { repeats, serverName, instance, ...record } = parsed.data;
  return {
    ...record,
    ...(serverName !== undefined && { serverName }),
    ...(repeats !== undefined && { repeats }),
    ...(instance !== undefined && { instance }),
  };
}

/** The decision record in a line of the log; null for other lines. */
export function parseRecordLine(line: string): DecisionRecord | null {
  if (!line.startsWith('{')) return null;
  try {
    return parseRecord(JSON.parse(line));
  } catch {
    return null;
  }
}
