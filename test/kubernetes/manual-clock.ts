/** Time that passes where a test says so. */
import type { Clock } from '../../proxy/kubernetes/clock.js';

export class ManualClock implements Clock {
  #now = 0;
  readonly #waiting = new Set<{ readonly at: number; readonly end: () => void }>();

  now(): number {
    return this.#now;
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const one = { at: this.#now + ms, end: resolve };
      this.#waiting.add(one);
      const give = (): void => {
        this.#waiting.delete(one);
        resolve();
      };
      if (signal.aborted) give();
      else signal.addEventListener('abort', give, { once: true });
    });
  }

  /** As where the process had no turn meanwhile: no wait ends. */
  jump(ms: number): void {
    this.#now += ms;
  }

  /** Ends every wait that is over by then. */
  pass(ms: number): void {
    this.#now += ms;
    for (const one of [...this.#waiting]) {
      if (one.at > this.#now) continue;
      this.#waiting.delete(one);
      one.end();
    }
  }
}
