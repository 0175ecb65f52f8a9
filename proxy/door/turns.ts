/**
 * Whose request is next: clients take turns, not connections. One client with hundreds of connections and as
 * many requests on each would otherwise keep the event loop to itself, and everybody else would wait for its refusals.
 *
 * libuv accepts one connection per listener in each turn of the loop, in the order in which they came. So while
 * connections are coming in, a turn has to be short: a client that connects again and again would otherwise make every
 * other one wait in the kernel for as many turns as it has connections there. DECISIONS 69.
 */

/** How many requests of one client begin in one turn of the event loop without waiting. */
export const PER_CLIENT = 8;
/** The same for all clients together, not counting the first request of each. */
const AT_ONCE = 32;
/** How many waiting requests begin in one turn of the loop. */
const PER_LOOP = 64;
const PER_LOOP_ACCEPTING = 2;

export class Turns {
  /**
   * Set to true when a connection has been accepted: others may be waiting after it. Holds until the end of a turn of the loop
   * in which requests have come.
   */
  isAccepting = false;
  readonly #begun = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #isScheduled = false;
  #atOnce = 0;

  /** Null: at once. Otherwise resolves when this client has its next turn. */
  wait(client: string): Promise<void> | null {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#nextLoop);
    }
    const queue = this.#waiting.get(client);
    const before = this.#begun.get(client) ?? 0;
    if (queue === undefined && (before === 0 || (before < PER_CLIENT && this.#atOnce < AT_ONCE))) {
      this.#begun.set(client, before + 1);
      this.#atOnce += 1;
      return null;
    }
    return new Promise((resolve) => {
      if (queue === undefined) this.#waiting.set(client, [resolve]);
      else queue.push(resolve);
    });
  }

  readonly #nextLoop = (): void => {
    const most = this.isAccepting ? PER_LOOP_ACCEPTING : PER_LOOP;
    this.isAccepting = false;
    this.#atOnce = 0;
    this.#begun.clear();
    for (let left = most; left > 0 && this.#waiting.size > 0; ) left -= this.#oneRound(left);
    this.#isScheduled = this.#waiting.size > 0;
    if (this.#isScheduled) setImmediate(this.#nextLoop);
  };

  /** One request of each waiting client, `most` in all. Whoever was served goes to the end of the line. */
  #oneRound(most: number): number {
    const again: [string, (() => void)[]][] = [];
    let served = 0;
    for (const [client, queue] of this.#waiting) {
      if (served === most) break;
      served += 1;
      queue.shift()?.();
      this.#waiting.delete(client);
      if (queue.length > 0) again.push([client, queue]);
    }
    for (const [client, queue] of again) this.#waiting.set(client, queue);
    return served;
  }
}
