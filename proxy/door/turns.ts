/**
 * Whose request is next: clients take turns, not connections. One client with hundreds of connections and as
 * many requests on each would otherwise keep the event loop to itself, and everybody else would wait for its refusals.
 *
 * libuv accepts one connection per listener in each turn of the loop, in the order in which they came. So while
 * connections are coming in, a turn has to be short: a client that connects again and again would otherwise make every
 * other one wait in the kernel for as many turns as it has connections there. DECISIONS 69.
 */

export interface Turns {
  /** Null: at once. Otherwise resolves when this client has its next turn. */
  wait(client: string): Promise<void> | null;
  /** A connection has been accepted: others may be waiting after it. */
  accepted(): void;
}

/** How many requests of one client begin in one turn of the event loop without waiting. */
export const PER_CLIENT = 8;
/** The same for all clients together, not counting the first request of each. */
const AT_ONCE = 32;
/** How many waiting requests begin in one turn of the loop. */
const PER_LOOP = 64;
const PER_LOOP_ACCEPTING = 2;

export function createTurns(): Turns {
  const begun = new Map<string, number>();
  const waiting = new Map<string, (() => void)[]>();
  const again: [string, (() => void)[]][] = [];
  let isScheduled = false;
  let isAccepting = false;
  let atOnce = 0;
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(nextLoop);
  };
  const nextLoop = (): void => {
    const most = isAccepting ? PER_LOOP_ACCEPTING : PER_LOOP;
    isScheduled = false;
    isAccepting = false;
    atOnce = 0;
    begun.clear();
    for (let left = most; left > 0 && waiting.size > 0; ) left -= oneRound(left);
    if (waiting.size > 0) schedule();
  };
  /** One request of each waiting client, `most` in all. Whoever was served goes to the end of the line. */
  const oneRound = (most: number): number => {
    let served = 0;
    for (const [client, queue] of waiting) {
      if (served === most) break;
      served += 1;
      queue.shift()?.();
      waiting.delete(client);
      if (queue.length > 0) again.push([client, queue]);
    }
    for (const [client, queue] of again.splice(0)) waiting.set(client, queue);
    return served;
  };
  return {
    wait(client) {
      schedule();
      const queue = waiting.get(client);
      const before = begun.get(client) ?? 0;
      if (queue === undefined && (before === 0 || (before < PER_CLIENT && atOnce < AT_ONCE))) {
        begun.set(client, before + 1);
        atOnce += 1;
        return null;
      }
      return new Promise((resolve) => {
        if (queue === undefined) waiting.set(client, [resolve]);
        else queue.push(resolve);
      });
    },
    accepted() {
      schedule();
      isAccepting = true;
    },
  };
}
