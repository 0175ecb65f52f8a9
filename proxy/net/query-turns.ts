/**
 * Whose name is asked for next. All queries share one bound (each holds sockets), and turns are taken by asker: a tool
 * that makes up names, or that has a zone whose servers are silent, waits for itself.
 */

export interface Query {
  /** What one set of servers answers for: its queries have a bound of their own. */
  readonly zone: string;
  /** Called once, when its turn has come. */
  run(): Promise<void>;
  /** True once it has run, or where nobody waits for it any more; it is then passed over. */
  readonly isOver: boolean;
}

export interface QueryTurns {
  /** False where so many queries wait for this asker that one more is to be refused. */
  hasRoom(asker: string): boolean;
  /** Queues `query` for `asker`; one that several ask for is queued for each of them and runs with the first turn. */
  enter(query: Query, asker: string): void;
}

export interface QueryTurnsOptions {
  /** Queries under way, in all and of one zone. */
  readonly most: number;
  readonly mostOfZone: number;
  /** Queries that wait for one asker. */
  readonly mostWaiting: number;
}

interface Asker {
  running: number;
  waiting: number;
  readonly zones: Map<string, Lane>;
}

/** The queries of one asker in one zone. */
interface Lane {
  running: number;
  readonly waiting: Query[];
}

/**
 * Nobody holds more than what is left over for the others: one asker alone may have half of all turns, and of those of a
 * zone; of n each has a part of n + 1 (a dynamic threshold, Choudhury and Hahne 1998). A turn that comes free goes to
 * the asker with the fewest under way.
 */
export function createQueryTurns({ most, mostOfZone, mostWaiting }: QueryTurnsOptions): QueryTurns {
  const askers = new Map<string, Asker>();
  const runningOfZone = new Map<string, number>();
  let running = 0;

  const mayStart = (zone: string, lane: Lane): boolean =>
    lane.running < mostOfZone - (runningOfZone.get(zone) ?? 0) && lane.waiting.length > 0;
  const start = (name: string, asker: Asker, zone: string, lane: Lane, query: Query): void => {
    count(asker, zone, lane, 1);
    query.run().finally(() => {
      count(asker, zone, lane, -1);
      tidy(name, asker, zone, lane);
      fill();
    });
  };
  const count = (asker: Asker, zone: string, lane: Lane, step: 1 | -1): void => {
    running += step;
    asker.running += step;
    lane.running += step;
    const left = (runningOfZone.get(zone) ?? 0) + step;
    if (left === 0) runningOfZone.delete(zone);
    else runningOfZone.set(zone, left);
  };
  const tidy = (name: string, asker: Asker, zone: string, lane: Lane): void => {
    if (lane.running === 0 && lane.waiting.length === 0) asker.zones.delete(zone);
    if (asker.zones.size === 0) askers.delete(name);
  };
  /** Starts one query of this asker, or says that it has none that may start. */
  const startOne = (name: string, asker: Asker): boolean => {
    if (asker.running >= most - running) return false;
    for (const [zone, lane] of asker.zones) {
      if (!mayStart(zone, lane)) continue;
      const query = lane.waiting.shift();
      asker.waiting -= 1;
      // The next turn is another zone's.
      asker.zones.delete(zone);
      asker.zones.set(zone, lane);
      if (query === undefined || query.isOver) tidy(name, asker, zone, lane);
      else start(name, asker, zone, lane, query);
      return true;
    }
    return false;
  };
  const next = (): boolean => {
    const waiting = [...askers].filter(([, asker]) => asker.waiting > 0);
    waiting.sort(([, a], [, b]) => a.running - b.running);
    return waiting.some(([name, asker]) => startOne(name, asker));
  };
  const fill = (): void => {
    while (next());
  };
  return {
    hasRoom: (name) => (askers.get(name)?.waiting ?? 0) < mostWaiting,
    enter(query, name) {
      const asker = askers.get(name) ?? { running: 0, waiting: 0, zones: new Map() };
      askers.set(name, asker);
      const lane = asker.zones.get(query.zone) ?? { running: 0, waiting: [] };
      asker.zones.set(query.zone, lane);
      lane.waiting.push(query);
      asker.waiting += 1;
      fill();
    },
  };
}
