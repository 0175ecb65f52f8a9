/** Sends notices to their receiver, one after the other, from a bounded queue and with a few attempts each. */
import type { NotifySettings } from '../config/receivers.js';
import type { NoticeOutcome } from '../core/notice-event.js';
import type { Posted } from '../post/post.js';
import { type Notice, noticeJson } from './notice.js';

export interface DeliveryOptions {
  /** The settings in force; null: no notices are sent. */
  readonly settings: () => NotifySettings | null;
  /** Never rejects. */
  readonly post: (settings: NotifySettings, body: Buffer) => Promise<Posted>;
  /** What to look at twice in a host. */
  readonly warning: (host: string) => string | null;
  /** The name of the machine. */
  readonly machine: string;
  readonly count: (event: Notice['event'], outcome: NoticeOutcome) => void;
  /** Called once when notices begin to fail. `why`: a reason, or a status. */
  readonly onFailing: (why: string) => void;
  /** Called when one arrives again. `missed`: how many did not. */
  readonly onWorking: (missed: number) => void;
  /** The wait between two attempts; resolves early if `signal` aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

const MOST_WAITING = 100;
/** Before the second attempt, and before the third, which is the last. */
const PAUSES_MS = [1000, 10_000] as const;

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #waiting: Notice[] = [];
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #missed = 0;
  #isFailing = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Returns at once. */
  offer(notice: Notice): void {
    if (this.#waiting.length >= MOST_WAITING || this.#closing.signal.aborted) {
      this.#missed += 1;
      this.#options.count(notice.event, 'dropped');
      return;
    }
    this.#waiting.push(notice);
    this.#running ??= this.#run();
  }

  /** Resolves when no notice waits any more. */
  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** Makes one last attempt for each waiting notice, for no longer than `deadlineMs`. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing.abort();
    const late = new AbortController();
    await Promise.race([this.settled(), this.#options.pause(deadlineMs, late.signal)]);
    late.abort();
    this.#waiting.length = 0;
  }

  /** Nobody is to decide on a metadata service. */
  #warning({ event, host }: Notice): string | null {
    return event === 'metadata' || host === null ? null : this.#options.warning(host);
  }

  async #run(): Promise<void> {
    // Not within `offer`, whose caller is serving a request.
    await Promise.resolve();
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
        await this.#deliver(next);
    } finally {
      // A defect must cost one notice, and not all that follow.
      this.#running = null;
    }
  }

  async #deliver(notice: Notice): Promise<void> {
    const warning = this.#warning(notice);
    const { settings, post, machine, count, onWorking, onFailing, pause } = this.#options;
    for (let attempt = 0; ; attempt++) {
      const current = settings();
      if (current === null) return;
      const facts = { instance: current.instance ?? machine, missed: this.#missed, warning };
      const posted = await post(current, Buffer.from(noticeJson(notice, facts)));
      if (posted.ok) {
        count(notice.event, 'sent');
        if (this.#isFailing) onWorking(this.#missed);
        this.#isFailing = false;
        this.#missed = 0;
        return;
      }
      const pauseMs = PAUSES_MS[attempt];
      if (!posted.mayWork || pauseMs === undefined || this.#closing.signal.aborted) {
        this.#missed += 1;
        count(notice.event, 'failed');
        if (!this.#isFailing) onFailing(posted.why);
        this.#isFailing = true;
        return;
      }
      await pause(pauseMs, this.#closing.signal);
    }
  }
}
