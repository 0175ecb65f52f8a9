/**
 * Decisions as they are made, as server-sent events. A reader that is slow, asleep or dead costs a bounded queue and
 * nothing else: it loses records, learns how many, and is cut off when it takes nothing for a minute.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { matchesFilter, type RecordFilter } from '../observe/record-filter.js';
import type { Ring } from '../observe/ring.js';
import type { QueuedRecord } from '../observe/subscription.js';
import { count, filterOf, type Query, text } from './decisions.js';
import { AdminError, type AdminOptions } from './options.js';
import type { News, RunTimeControl } from './run-time.js';

const MOST_READERS = 64;
const FLUSHES_PER_SECOND = 10;
const HEARTBEAT_MS = 1000;
const CUT_OFF_MS = 60_000;
/** Records that wait for a reader, and those that are sent again to one that comes back. */
const QUEUE = 1000;

interface StreamOptions {
  readonly filter: RecordFilter;
  /** At most this many records a second; null for all. */
  readonly rate: number | null;
  /** The last record that the reader has. */
  readonly after: string | null;
  /** True: an event `totals` every second; false: a comment instead. */
  readonly totals: boolean;
}

/** False once the reader has signed out, or its token is no longer valid. */
type StillReader = (request: FastifyRequest) => boolean;

/**
 * `GET /v1/decisions/stream?outcome=&reason=&client=&host=&rate=&after=&totals=1`: one event without a name for each
 * record, `id` its id; an event `lost` with a count where records were left out. The field Last-Event-ID or `after`
 * asks for what came since.
 */
export function addStream(app: FastifyInstance, { ring, runTime }: AdminOptions, isStillReader: StillReader): void {
  app.get<{ Querystring: Query }>('/v1/decisions/stream', { exposeHeadRoute: false }, async (request, reply) => {
    if (ring.subscribers() >= MOST_READERS) {
      throw new AdminError(503, 'busy', `There are ${MOST_READERS} readers of the stream already: close one.`);
    }
    const { query } = request;
    const lastSeen = request.headers['last-event-id'];
    const options: StreamOptions = {
      filter: filterOf(query),
      rate: count(query, 'rate'),
      after: typeof lastSeen === 'string' && lastSeen !== '' ? lastSeen : text(query, 'after'),
      totals: text(query, 'totals') !== null,
    };
    const headers = reply.getHeaders();
    reply.hijack();
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) reply.raw.setHeader(name, value);
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    stream(ring, reply.raw, { ...options, isStillReader: () => isStillReader(request) }, runTime);
  });
}

function stream(
  ring: Ring,
  response: ServerResponse,
  { filter, rate, after, totals, isStillReader }: StreamOptions & { isStillReader(): boolean },
  runTime: RunTimeControl | undefined,
): void {
  const perFlush = rate === null ? QUEUE : Math.max(1, Math.ceil(rate / FLUSHES_PER_SECOND));
  let flushTimer: NodeJS.Timeout | null = null;
  let toldLost = 0;
  let lastProgress = performance.now();
  const wake = () => {
    if (!response.writableNeedDrain) flushTimer ??= setTimeout(flush, 1000 / FLUSHES_PER_SECOND);
  };
  const flush = () => {
    flushTimer = null;
    if (response.writableNeedDrain || response.destroyed) return;
    const records = subscription.take(perFlush);
    response.write(records.map(eventOf).join('') + lostEvent());
    if (subscription.waiting() > 0) wake();
  };
  const lostEvent = () => {
    const lost = subscription.lost();
    if (lost === toldLost) return '';
    toldLost = lost;
    return `event: lost\ndata: {"lost":${lost}}\n\n`;
  };
  const beat = () => {
    if (!isStillReader()) response.destroy();
    else if (!response.writableNeedDrain) {
      lastProgress = performance.now();
      response.write(totals ? `event: totals\ndata: ${JSON.stringify(ring.totals())}\n\n` : ': still here\n\n');
    } else if (performance.now() - lastProgress > CUT_OFF_MS) response.destroy();
  };
  const subscription = ring.subscribe({ filter, capacity: rate === null ? QUEUE : perFlush, wake });
  const heart = setInterval(beat, HEARTBEAT_MS);
  // Left out for a slow reader, which asks for the current state again anyway.
  const unlisten = runTime?.listen((news) => {
    if (!response.writableNeedDrain && !response.destroyed) response.write(newsEvent(news));
  });
  response.on('drain', wake);
  response.on('error', () => response.destroy());
  response.on('close', () => {
    subscription.close();
    unlisten?.();
    clearInterval(heart);
    if (flushTimer !== null) clearTimeout(flushTimer);
  });
  response.write(`retry: 1000\n\n${after === null ? '' : missed(ring, after, filter)}`);
  beat();
}

/** What a reader that comes back has not seen yet, or the newest part of it. */
function missed(ring: Ring, after: string, filter: RecordFilter): string {
  const entries = ring.since(after).filter(({ record }) => matchesFilter(filter, record));
  return entries
    .slice(-QUEUE)
    .map(({ record, json }) => eventOf({ id: record.id, json }))
    .join('');
}

function eventOf({ id, json }: Pick<QueuedRecord, 'id' | 'json'>): string {
  return `id: ${id}\ndata: ${json}\n\n`;
}

function newsEvent(news: News): string {
  const json = news.event === 'changed' ? JSON.stringify({ what: news.what }) : news.json;
  return `event: ${news.event}\ndata: ${json}\n\n`;
}
