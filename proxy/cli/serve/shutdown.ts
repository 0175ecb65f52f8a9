/** The end of the process on signals: a delay for load balancers, then the drain. Each further signal cuts one of these short. */

export interface ShutdownOptions {
  /** The time between the first signal and the drain, in which load balancers notice that the proxy is not ready. */
  readonly delayMs: () => number;
  /** Resolves after `ms`, or when `ended` aborts. */
  readonly wait: (ms: number, ended: AbortSignal) => Promise<void>;
  readonly onDelay: (signal: NodeJS.Signals, delayMs: number) => void;
  /** Ends the process, once. */
  readonly drain: (signal: NodeJS.Signals) => Promise<void>;
  /** Called for a signal that comes during the drain. */
  readonly insist: () => void;
}

export class Shutdown {
  readonly #options: ShutdownOptions;
  readonly #delay = new AbortController();
  #phase: 'running' | 'delayed' | 'draining' = 'running';

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  /** True from the first signal on. */
  get hasBegun(): boolean {
    return this.#phase !== 'running';
  }

  /** The first signal begins the delay, the next one ends it, and one more ends the drain. */
  async heard(signal: NodeJS.Signals): Promise<void> {
    const { delayMs, wait, onDelay, drain, insist } = this.#options;
    if (this.#phase === 'draining') return insist();
    if (this.#phase === 'delayed') return this.#delay.abort();
    const ms = delayMs();
    if (ms > 0) {
      this.#phase = 'delayed';
      onDelay(signal, ms);
      await wait(ms, this.#delay.signal);
    }
    this.#phase = 'draining';
    await drain(signal);
  }
}
