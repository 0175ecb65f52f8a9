/** Follows the engine: events of containers that are gone, the list after each gap in them, and its version. */
import type { IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { Custody } from './custody.js';
import { type Engine, jsonOf } from './engine.js';
import { minorOf } from './engine-answer.js';
import { OWN_LABELS } from './identity.js';
import { isContainerId } from './roster.js';

export interface EngineWatch {
  /** The newest minor version of the engine's API; null before the engine was asked. */
  minor(): number | null;
  close(): void;
}

export interface WatchOptions {
  readonly engine: Engine;
  readonly custody: Custody;
  readonly network: () => string;
  readonly onNotice: (text: string) => void;
}

const AGAIN_MS = 500;
const MOST_LINE_OCTETS = 64 * 1024;

/** Runs until it is closed. An engine that does not answer is asked again twice a second. */
export function watchEngine(options: WatchOptions): EngineWatch {
  const ended = new AbortController();
  let minor: number | null = null;
  let isAway = false;
  const follow = async (): Promise<void> => {
    const { engine, custody } = options;
    const ping = await engine.ask({ method: 'GET', path: '/_ping' }, 5_000);
    minor = minorOf(ping.headers['api-version']);
    const events = await engine.stream({ method: 'GET', path: eventsPath(options.network()) }, ended.signal);
    try {
      // Only now that the events have begun, so that what ends after the list is among them.
      await custody.resync();
      if (isAway) options.onNotice('the engine answers again');
      isAway = false;
      for await (const line of lines(events)) {
        const id = idOf(line);
        if (id !== null) custody.gone(id);
      }
    } finally {
      events.destroy();
    }
  };
  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await follow().catch((error: unknown) => {
        if (!isAway && !ended.signal.aborted) options.onNotice(`the engine does not answer: ${String(error)}`);
        isAway = true;
      });
      await setTimeout(AGAIN_MS, undefined, { signal: ended.signal, ref: false }).catch(() => {});
    }
  };
  run().catch(() => {});
  return { minor: () => minor, close: () => ended.abort() };
}

function eventsPath(network: string): string {
  const filters = { type: ['container'], event: ['destroy'], label: [`${OWN_LABELS.guard}=${network}`] };
  return `/events?filters=${encodeURIComponent(JSON.stringify(filters))}`;
}

async function* lines(stream: IncomingMessage): AsyncGenerator<string> {
  stream.setEncoding('utf8');
  let held = '';
  for await (const chunk of stream) {
    held += chunk;
    const whole = held.split('\n');
    held = whole.pop() ?? '';
    if (held.length > MOST_LINE_OCTETS) throw new Error('an event of the engine is too long');
    yield* whole;
  }
}

function idOf(line: string): string | null {
  const event = jsonOf(Buffer.from(line));
  if (typeof event !== 'object' || event === null) return null;
  const { Actor: actor } = event as Record<string, unknown>;
  const id: unknown = typeof actor === 'object' && actor !== null ? Reflect.get(actor, 'ID') : null;
  return isContainerId(id) ? id : null;
}
