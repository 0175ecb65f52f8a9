/**
 * Makes notices of those records and questions that whoever runs the proxy wants to hear of at once. The first of a kind is
 * told at once; a flood is counted, and one notice a minute says how many more there were.
 */
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { NotifySettings } from '../config/receivers.js';
import type { NoticeEvent } from '../core/notice-event.js';
import { Fold } from '../observe/fold.js';
import type { DecisionRecord, DecisionSink } from '../observe/record.js';
import { Contacts } from './contacts.js';
import { Delivery, type DeliveryOptions } from './delivery.js';
import type { Notice } from './notice.js';

export interface NoticesOptions
  extends Pick<DeliveryOptions, 'settings' | 'post' | 'count' | 'onFailing' | 'onWorking' | 'warning'> {
  /** The names of the clients in the configuration in force. */
  readonly clients: () => ReadonlySet<string>;
  /** The name of this proxy for the receiver, unless the file has one; absent: the name of the machine. */
  readonly machine?: string;
  /** Replace the clock and the timer in tests. */
  readonly now?: () => number;
  readonly pause?: DeliveryOptions['pause'];
}

/** Who asks for what. */
export interface Asked {
  readonly client: Notice['client'];
  readonly host: string;
  readonly port: number;
  readonly from: string;
}

const INTERVAL_MS = 60_000;
/**
 * The most notices in one interval: for the same destination, for one client, and for all clients together. When those are
 * used up, each further client still has one.
 */
const ALLOWANCE = { same: 1, client: 5, all: 30, least: 1 };
const MEMORY_BYTES = 512 * 1024;

export class Notices implements DecisionSink {
  readonly #options: NoticesOptions;
  readonly #delivery: Delivery;
  readonly #contacts = new Contacts();
  readonly #fold: Fold<Notice>;

  constructor(options: NoticesOptions) {
    this.#options = options;
    this.#delivery = new Delivery({
      ...options,
      machine: options.machine ?? hostname(),
      pause: options.pause ?? pause,
    });
    this.#fold = foldOf((notice) => this.#delivery.offer(notice), options.now ?? (() => performance.now()));
  }

  /** To be called with each decision. Returns at once. */
  decision(record: DecisionRecord): void {
    const { events } = this.#options.settings() ?? NOBODY;
    if (record.reason === 'metadata-address' && events.includes('metadata')) this.#offer('metadata', record);
    if (events.includes('first-contact') && this.#isFirst(record)) this.#offer('first-contact', record);
  }

  /** What ends was told when it began. */
  closed(): void {}

  /** To be called with records of earlier runs, whose contacts are known. */
  known(record: DecisionRecord): void {
    this.#isFirst(record);
  }

  /** To be called when somebody asks for what no rule names. */
  asked({ client, host, port, from }: Asked): void {
    const { events } = this.#options.settings() ?? NOBODY;
    if (events.includes('question'))
      this.#offer('question', { id: from, time: new Date().toISOString(), client, host, port });
  }

  /** Resolves when everything that was counted or waits is sent or given up. */
  async settled(): Promise<void> {
    this.#fold.flush();
    await this.#delivery.settled();
  }

  /** At the end, for no longer than `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    this.#fold.flush();
    await this.#delivery.close(deadlineMs);
  }

  #isFirst({ outcome, host, client }: DecisionRecord): boolean {
    if (outcome !== 'allow' || host === null) return false;
    const isNamed = client.name !== null && this.#options.clients().has(client.name);
    return this.#contacts.isFirst(isNamed ? (client.name ?? '') : client.address, host, isNamed);
  }

  #offer(
    event: NoticeEvent,
    { id, time, client, host, port }: Pick<Notice, 'id' | 'time' | 'client' | 'host' | 'port'>,
  ) {
    const notice = { event, time, id, client, host, port, count: 1 };
    const who = clientKey(notice);
    this.#fold.offer(notice, { kind: event, ...ALLOWANCE }, who, `${who} ${host} ${port}`);
  }
}

const NOBODY: Pick<NotifySettings, 'events'> = { events: [] };

function foldOf(write: (notice: Notice) => void, now: () => number): Fold<Notice> {
  return new Fold<Notice>(
    {
      write,
      client: clientKey,
      withoutDestination: (notice) => ({ ...notice, host: null, port: null }),
      merge: (_before, notice) => notice,
      withRepeats: (notice, repeats) => ({ ...notice, count: 1 + repeats }),
    },
    { intervalMs: INTERVAL_MS, now, memoryBytes: MEMORY_BYTES },
  );
}

function clientKey({ event, client: { name, address } }: Notice): string {
  return `${event} ${name ?? address}`;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
}
