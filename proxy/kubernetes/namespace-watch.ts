/**
 * The pods of one namespace as the API server has them now: a list, then watches of a few seconds each. An address can pass
 * from one pod to another within seconds, so names count only while the server is known to have told us everything.
 */
import type { ApiServer } from './api-server.js';
import { linesOf } from './bounded-text.js';
import { BackOff, type Clock, withDeadline } from './clock.js';
import { ApiFailure, type ApiReason, failureOf } from './failure.js';
import { type Pod, readPod } from './pod.js';
import { listPods } from './pod-list.js';
import { type Claim, PodTable } from './pod-table.js';
import { readEvent } from './watch-event.js';

/** A table that was last known to be right longer ago than this no longer counts. */
const STALE_MS = 6000;
/** The server ends a watch after so long. If it does not, the connection is dead, which so shows soon. */
const WATCH_SECONDS = 3;
/** A watch that ends earlier did not end because its time was over. Less than the whole time, since clocks differ. */
const LEAST_WATCH_MS = WATCH_SECONDS * 1000 - 500;
const MOST_WATCH_MS = STALE_MS - 1000;
/** Listing many pods may take longer than STALE_MS: the first watch then tells what has changed meanwhile. */
const LIST_MS = 15_000;

export interface WatchState {
  readonly namespace: string;
  readonly state: 'starting' | 'connected' | 'stale';
  /** Why the table is stale; null: it is not. */
  readonly reason: ApiReason | null;
}

export interface NamespaceWatchOptions {
  readonly namespace: string;
  readonly api: ApiServer;
  readonly clock: Clock;
  /** The client whose pod this is; null: nobody's. */
  readonly clientOf: (pod: Pod) => string | null;
  /** Called with each change. */
  readonly onChange: (state: WatchState) => void;
}

export class NamespaceWatch {
  readonly #options: NamespaceWatchOptions;
  readonly #backOff = new BackOff();
  readonly #stopped = new AbortController();
  #table = new PodTable();
  /** The last time, by the clock, at which the table is known to have been right. */
  #asOf = Number.NEGATIVE_INFINITY;
  /** The version to watch from; null: a list is needed first. */
  #version: string | null = null;
  #state: WatchState;
  #wasKnown = false;

  constructor(options: NamespaceWatchOptions) {
    this.#options = options;
    this.#state = { namespace: options.namespace, state: 'starting', reason: null };
  }

  /** Resolves after `stop`; never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const failure = await this.#follow(signal).then(() => null, failureOf);
      if (signal.aborted) return;
      if (failure === null) {
        this.#backOff.reset();
        continue;
      }
      this.#broken(failure.reason);
      await this.#options.clock.wait(this.#backOff.next(failure.retryAfterMs), signal);
    }
  }

  stop(): void {
    this.#stopped.abort();
    this.#table = new PodTable();
  }

  /** Who has this address, even if the table is stale. */
  claims(address: string): readonly Claim[] {
    return this.#table.claims(address);
  }

  get isFresh(): boolean {
    return this.#options.clock.now() - this.#asOf <= STALE_MS;
  }

  /** True once the table has been known to be right. */
  get wasKnown(): boolean {
    return this.#wasKnown;
  }

  /** How many pods have an address; 0 while the table is stale. */
  get pods(): number {
    return this.isFresh ? this.#table.size : 0;
  }

  /** Resolves when a watch has ended properly and all its events are in the table. */
  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#version === null) await this.#list(signal);
    await withDeadline(this.#options.clock, MOST_WATCH_MS, signal, (either) => this.#watch(either));
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { clock, api, namespace } = this.#options;
    const began = clock.now();
    const table = new PodTable();
    const isLate = (): boolean => clock.now() - began > LIST_MS;
    const take = (object: unknown): void => this.#put(table, object);
    const read = (either: AbortSignal) =>
      listPods({ api, namespace, signal: either, take, isLate, size: () => table.size });
    this.#version = await withDeadline(clock, LIST_MS, signal, read);
    this.#table = table;
    // A list is known to be right only for the time at which it was asked for.
    this.#rightAsOf(began);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { api, clock, namespace } = this.#options;
    const query = new URLSearchParams({
      watch: '1',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(WATCH_SECONDS),
      resourceVersion: this.#version ?? '',
    });
    const began = clock.now();
    const body = await api.get(`/api/v1/namespaces/${namespace}/pods?${query}`, signal);
    for await (const line of linesOf(body)) this.#take(line);
    // A server that shuts down, or cannot deliver its events, also ends a watch, without having told everything.
    if (clock.now() - began < LEAST_WATCH_MS) throw new ApiFailure('cut');
    // The time of reading means nothing, since the events may have waited on their way or in this process.
    this.#rightAsOf(began + LEAST_WATCH_MS);
  }

  /** A line does not confirm the table: it may be old, and more may follow it. */
  #take(line: string): void {
    const { type, object, version } = readEvent(line);
    if (type === 'DELETED') {
      const pod = readPod(object, this.#options.namespace);
      if (pod === null) throw new ApiFailure('malformed');
      this.#table.remove(pod);
    } else if (type !== 'BOOKMARK') this.#put(this.#table, object);
    this.#version = version;
  }

  #put(table: PodTable, object: unknown): void {
    const pod = readPod(object, this.#options.namespace);
    if (pod === null) throw new ApiFailure('malformed');
    table.put(pod, pod.isItself ? this.#options.clientOf(pod) : null);
  }

  #rightAsOf(moment: number): void {
    this.#asOf = moment;
    if (!this.isFresh) return;
    this.#wasKnown = true;
    this.#report('connected', null);
  }

  /**
   * Nothing is known until the next list, as an address may already be another pod's. The stale table names nobody, but stays:
   * it casts doubt on the same address in another namespace.
   */
  #broken(reason: ApiReason): void {
    this.#version = null;
    this.#asOf = Number.NEGATIVE_INFINITY;
    this.#report('stale', reason);
  }

  #report(state: WatchState['state'], reason: ApiReason | null): void {
    if (state === this.#state.state && reason === this.#state.reason) return;
    this.#state = { namespace: this.#options.namespace, state, reason };
    this.#options.onChange(this.#state);
  }

  /** The state now, as the table may become stale before anything has failed. */
  get state(): WatchState['state'] {
    if (this.#state.state === 'connected' && !this.isFresh) return 'stale';
    return this.#state.state;
  }
}
