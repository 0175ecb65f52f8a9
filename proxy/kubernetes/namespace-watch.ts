/**
 * The pods of one namespace as the API server has them now: a list, and a watch from there on. What is older than STALE_MS
 * is worth nothing: an address goes from one pod to another within seconds.
 */
import type { ApiServer } from './api-server.js';
import { linesOf } from './bounded-text.js';
import { BackOff, type Clock, withDeadline } from './clock.js';
import { ApiFailure, type ApiReason, failureOf } from './failure.js';
import { type Pod, readPod } from './pod.js';
import { listPods } from './pod-list.js';
import { type Claim, PodTable } from './pod-table.js';
import { readEvent } from './watch-event.js';

/** After so long without a word of the server, its pods are unknown. */
export const STALE_MS = 15_000;
/** The server ends a watch after so long, and says a bookmark before: a connection that is dead shows at once. */
const WATCH_SECONDS = 10;
const WATCH_MS = WATCH_SECONDS * 1000 + 2000;
/** A watch that ends earlier is not begun anew at once. */
const SHORTEST_WATCH_MS = 1000;

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

const LOST: ReadonlySet<ApiReason> = new Set<ApiReason>(['gone', 'malformed', 'too-large']);

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
  #wasListed = false;

  constructor(options: NamespaceWatchOptions) {
    this.#options = options;
    this.#state = { namespace: options.namespace, state: 'starting', reason: null };
  }

  /** Resolves after `stop`; never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const began = this.#options.clock.now();
      const failure = await this.#follow(signal).catch(failureOf);
      if (signal.aborted) return;
      if (failure !== null) this.#failed(failure);
      else if (this.#options.clock.now() - began >= SHORTEST_WATCH_MS) {
        this.#backOff.reset();
        continue;
      }
      await this.#options.clock.wait(this.#backOff.next(failure?.retryAfterMs ?? null), signal);
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
  get wasListed(): boolean {
    return this.#wasListed;
  }

  /** With an address. */
  get pods(): number {
    return this.#table.size;
  }

  /** Null: the watch has ended as it has to, and all that it said is in the table. */
  async #follow(signal: AbortSignal): Promise<null> {
    if (this.#version === null) await this.#list(signal);
    await withDeadline(this.#options.clock, WATCH_MS, signal, (either) => this.#watch(either));
    return null;
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { clock, api, namespace } = this.#options;
    const began = clock.now();
    const table = new PodTable();
    const isLate = (): boolean => clock.now() - began > STALE_MS;
    const take = (object: unknown): void => this.#put(table, object);
    const read = (either: AbortSignal) =>
      listPods({ api, namespace, signal: either, take, isLate, size: () => table.size });
    this.#version = await withDeadline(clock, STALE_MS, signal, read);
    this.#table = table;
    // What it says was so when it was asked for.
    this.#asOf = began;
    this.#wasListed = true;
    this.#report('connected', null);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { api, clock, namespace } = this.#options;
    const query = new URLSearchParams({
      watch: '1',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(WATCH_SECONDS),
      resourceVersion: this.#version ?? '',
    });
    const body = await api.get(`/api/v1/namespaces/${namespace}/pods?${query}`, signal);
    for await (const line of linesOf(body)) this.#take(line);
    if (!this.isFresh) throw new ApiFailure('slow');
    this.#asOf = clock.now();
  }

  #take(line: string): void {
    // More may be waiting behind it than the bound allows: only a list says what is so now.
    if (!this.isFresh) throw new ApiFailure('slow');
    const { type, object, version } = readEvent(line);
    if (type === 'DELETED') {
      const pod = readPod(object, this.#options.namespace);
      if (pod === null) throw new ApiFailure('malformed');
      this.#table.remove(pod);
    } else if (type !== 'BOOKMARK') this.#put(this.#table, object);
    this.#version = version;
    this.#asOf = this.#options.clock.now();
  }

  #put(table: PodTable, object: unknown): void {
    const pod = readPod(object, this.#options.namespace);
    if (pod === null) throw new ApiFailure('malformed');
    table.put(pod, pod.isItself ? this.#options.clientOf(pod) : null);
  }

  #failed({ reason }: ApiFailure): void {
    // What was said in between is lost; and where it has been too long, it may be much.
    if (LOST.has(reason) || !this.isFresh) this.#forget();
    // A server that says nothing for so long would have said a bookmark: what it says next may be old.
    if (reason === 'slow') this.#version = null;
    if (!this.isFresh) this.#report('stale', reason);
  }

  #forget(): void {
    this.#version = null;
    this.#table = new PodTable();
    this.#asOf = Number.NEGATIVE_INFINITY;
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
