/** `GET /v1/top?for=10m|1h|24h|7d`: who asks most, for what, and what is refused most. */
import type { FastifyInstance } from 'fastify';
import { readHistory } from '../observe/history.js';
import { NO_FILTER } from '../observe/record-filter.js';
import type { Ring } from '../observe/ring.js';
import { createTally, type TopLists } from '../observe/tally.js';
import { type Query, text } from './decisions.js';
import { AdminError, type AdminOptions } from './options.js';

const MINUTE_MS = 60_000;
const SPANS: ReadonlyMap<string, number> = new Map([
  ['10m', 10 * MINUTE_MS],
  ['1h', 60 * MINUTE_MS],
  ['24h', 24 * 60 * MINUTE_MS],
  ['7d', 7 * 24 * 60 * MINUTE_MS],
]);
/** Spans from here on are counted in the log files, if there are any, and no more often than this for one span. */
const FROM_FILES_MS = 24 * 60 * MINUTE_MS;
const READ_AGAIN_MS = MINUTE_MS;
const SHOWN = 20;

export interface TopAnswer extends TopLists {
  /** ISO 8601: the count goes back to here, or further. */
  readonly since: string;
  readonly source: 'memory' | 'files';
  /** False if some of the span's records are no longer there. */
  readonly complete: boolean;
}

export function addTop(app: FastifyInstance, { ring, logFile }: Pick<AdminOptions, 'ring' | 'logFile'>): void {
  const answers = new Map<string, { readonly at: number; readonly answer: Promise<TopAnswer> }>();
  app.get<{ Querystring: Query }>('/v1/top', async ({ query }) => {
    const name = text(query, 'for') ?? '1h';
    const span = SPANS.get(name);
    if (span === undefined) throw new AdminError(400, 'bad-request', `for is one of ${[...SPANS.keys()].join(', ')}`);
    const path = logFile ?? null;
    if (span < FROM_FILES_MS || path === null) return fromMemory(ring, span);
    const last = answers.get(name);
    if (last !== undefined && performance.now() - last.at < READ_AGAIN_MS) return last.answer;
    // One pass over the files at a time, however many ask.
    const before = [...answers.values()].map(({ answer }) => answer);
    const answer = Promise.allSettled(before).then(() => fromFiles(path, span));
    answers.set(name, { at: performance.now(), answer });
    return answer;
  });
}

function fromMemory(ring: Ring, span: number): TopAnswer {
  const since = Date.now() - span;
  const tally = createTally();
  const records = ring.query({ ...NO_FILTER, limit: ring.size(), before: null });
  const inSpan = records.filter(({ time }) => Date.parse(time) >= since);
  for (const record of inSpan) tally.add(record);
  const complete = inSpan.length < records.length;
  const oldest = complete ? since : Date.parse(records.at(-1)?.time ?? new Date().toISOString());
  return { ...tally.top(SHOWN), since: new Date(oldest).toISOString(), source: 'memory', complete };
}

async function fromFiles(path: string, span: number): Promise<TopAnswer> {
  const since = Date.now() - span;
  const tally = createTally();
  let oldest = Date.now();
  const complete = await readHistory(path, since, (record) => {
    oldest = Math.min(oldest, Date.parse(record.time));
    tally.add(record);
  });
  return { ...tally.top(SHOWN), since: new Date(complete ? since : oldest).toISOString(), source: 'files', complete };
}
