/**
 * Whose request is next: turns are taken by client, not by connection. One client with hundreds of connections and as
 * many requests in each would otherwise keep the event loop to itself, and everybody else would wait for its refusals.
 */

export interface Turns {
  /** Null: at once. Else resolves when this client has its next turn. */
  wait(client: string): Promise<void> | null;
}

/** How many requests of one client begin in one turn of the event loop, before others are looked at again. */
export const PER_CLIENT = 64;
/** Of all clients that wait together: what they cost is what somebody new waits for. */
const PER_LOOP = 64;

export function createTurns(): Turns {
  const begun = new Map<string, number>();
  const waiting = new Map<string, (() => void)[]>();
  let isScheduled = false;
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(nextLoop);
  };
  const nextLoop = (): void => {
    isScheduled = false;
    begun.clear();
    for (let left = PER_LOOP; left > 0 && waiting.size > 0; ) left -= oneRound(left);
    if (waiting.size > 0) schedule();
  };
  /** One request of each client that waits, `most` in all. Who was served goes to the end of the line. */
  const oneRound = (most: number): number => {
    const round = [...waiting.keys()].slice(0, most);
    for (const client of round) {
      const queue = waiting.get(client) ?? [];
      queue.shift()?.();
      waiting.delete(client);
      if (queue.length > 0) waiting.set(client, queue);
      begun.set(client, (begun.get(client) ?? 0) + 1);
    }
    return round.length;
  };
  return {
    wait(client) {
      schedule();
      const queue = waiting.get(client);
      const before = begun.get(client) ?? 0;
      if (queue === undefined && before < PER_CLIENT) {
        begun.set(client, before + 1);
        return null;
      }
      return new Promise((resolve) => {
        if (queue === undefined) waiting.set(client, [resolve]);
        else queue.push(resolve);
      });
    },
  };
}
