/**
 * The pods of one namespace as the API server has them now: a list, and watches from there on, of some seconds each. An address
 * goes from one pod to another within seconds, so a name counts as long as the server is known to have said all there was to say.
 */
import type { ApiServer } from './api-server.js';
import { linesOf } from './bounded-text.js';
import { BackOff, type Clock, withDeadline } from './clock.js';
import { ApiFailure, type ApiReason, failureOf } from './failure.js';
import { type Pod, readPod } from './pod.js';
import { listPods } from './pod-list.js';
import { type Claim, PodTable } from './pod-table.js';
import { readEvent } from './watch-event.js';

/** What was right so long ago is worth nothing. */
const STALE_MS = 6000;
/** The server ends a watch after so long: a connection that is dead does not end, and shows at once. */
const WATCH_SECONDS = 3;
/** Clocks differ. A watch that ends before was not ended by its time. */
const LEAST_WATCH_MS = WATCH_SECONDS * 1000 - 500;
const MOST_WATCH_MS = STALE_MS - 1000;
/** Many pods take longer to list than their names count; what has changed meanwhile the first watch says. */
const LIST_MS = 15_000;

export interface WatchState {
  readonly namespace: string;
  readonly state: 'starting' | 'connected' | 'stale';
  /** Why it is stale; null: it is not. */
  readonly reason: ApiReason | null;
}

export interface NamespaceWatchOptions {
  readonly namespace: string;
  readonly api: ApiServer;
  readonly clock: Clock;
  /** Whose pod this is; null: nobody's. */
  readonly clientOf: (pod: Pod) => string | null;
  /** Called with each change. */
  readonly onChange: (state: WatchState) => void;
}

export class NamespaceWatch {
  readonly #options: NamespaceWatchOptions;
  readonly #backOff = new BackOff();
  readonly #stopped = new AbortController();
  #table = new PodTable();
  /** Up to when the table is known to be right, by the clock. */
  #asOf = Number.NEGATIVE_INFINITY;
  /** From where to watch; null: from a list. */
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

  /** Who has this address, whether it is fresh or not. */
  claims(address: string): readonly Claim[] {
    return this.#table.claims(address);
  }

  get isFresh(): boolean {
    return this.#options.clock.now() - this.#asOf <= STALE_MS;
  }

  /** Once, at least. */
  get wasKnown(): boolean {
    return this.#wasKnown;
  }

  /** With an address, as far as it is known. */
  get pods(): number {
    return this.isFresh ? this.#table.size : 0;
  }

  /** Resolves where a watch has ended as it has to, and all that it said is in the table. */
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
    // What it says was so when it was asked for.
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
    // A server that shuts down, or that cannot get rid of what it has to say, ends a watch, too: it has not said all.
    if (clock.now() - began < LEAST_WATCH_MS) throw new ApiFailure('cut');
    // When it was read says nothing: it may have waited on its way here, or here.
    this.#rightAsOf(began + LEAST_WATCH_MS);
  }

  /** No line says that the table is right: it may be old, and others may be behind it. */
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
   * From now on nothing is known before a list: an address may be another pod's already. The table stays, and names nobody:
   * an address that it has cannot be one of another namespace without doubt.
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

  /** As it is now: that it is stale may be known before anything has failed. */
  get state(): WatchState['state'] {
    if (this.#state.state === 'connected' && !this.isFresh) return 'stale';
    return this.#state.state;
  }
}
