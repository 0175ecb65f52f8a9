/**
 * Whose DNS query comes next. All queries share one bound, since each holds sockets, and askers take turns: a tool that asks
 * for made-up names, or in a zone whose servers are silent, keeps only itself waiting. DECISIONS 61.
 */

export interface Query {
  /** The names that one set of servers answers for: each zone has a bound of its own. */
  readonly zone: string;
  /** Called once, when it is its turn. */
  run(): Promise<void>;
  /** True once it has run, or if nobody waits for it any more; it is then skipped. */
  readonly isOver: boolean;
}

export interface QueryTurns {
  /** False if so many queries of this asker wait that one more is to be refused. */
  hasRoom(asker: string): boolean;
  /** Queues `query` for `asker`; one that several ask for is queued for each of them and runs with the first turn. */
  enter(query: Query, asker: string): void;
}

export interface QueryTurnsOptions {
  /** The most queries under way, in all and for one zone. */
  readonly most: number;
  readonly mostOfZone: number;
  /** The most queries of one asker that may wait. */
  readonly mostWaiting: number;
}

interface Asker {
  readonly name: string;
  running: number;
  waiting: number;
  readonly zones: Map<string, Lane>;
}

/** The queries of one asker in one zone. */
interface Lane {
  readonly zone: string;
  running: number;
  readonly waiting: Query[];
}

export function createQueryTurns(options: QueryTurnsOptions): QueryTurns {
  const turns = new Turns(options);
  return { hasRoom: (asker) => turns.hasRoom(asker), enter: (query, asker) => turns.enter(query, asker) };
}

/**
 * Nobody holds more than what is left for the others: a single asker may have half of all turns, and half of those of a
 * zone; of n askers each may have one part of n + 1 (a dynamic threshold, Choudhury and Hahne 1998). A turn that becomes
 * free goes to the asker with the fewest queries under way.
 */
class Turns {
  readonly #options: QueryTurnsOptions;
  readonly #askers = new Map<string, Asker>();
  readonly #runningOfZone = new Map<string, number>();
  #running = 0;

  constructor(options: QueryTurnsOptions) {
    this.#options = options;
  }

  hasRoom(name: string): boolean {
    return (this.#askers.get(name)?.waiting ?? 0) < this.#options.mostWaiting;
  }

  enter(query: Query, name: string): void {
    const asker = this.#askers.get(name) ?? { name, running: 0, waiting: 0, zones: new Map() };
    this.#askers.set(name, asker);
    const lane = asker.zones.get(query.zone) ?? { zone: query.zone, running: 0, waiting: [] };
    asker.zones.set(query.zone, lane);
    lane.waiting.push(query);
    asker.waiting += 1;
    this.#fill();
  }

  #fill(): void {
    while (this.#next());
  }

  #next(): boolean {
    const waiting = [...this.#askers.values()].filter((asker) => asker.waiting > 0);
    return waiting.sort((a, b) => a.running - b.running).some((asker) => this.#startOne(asker));
  }

  /** Starts one query of this asker. False if it has none that may start. */
  #startOne(asker: Asker): boolean {
    if (asker.running >= this.#options.most - this.#running) return false;
    for (const lane of asker.zones.values()) {
      if (!this.#mayStart(lane)) continue;
      const query = lane.waiting.shift();
      asker.waiting -= 1;
      // Moves this zone to the end, so that the next turn is another zone's.
      asker.zones.delete(lane.zone);
      asker.zones.set(lane.zone, lane);
      if (query === undefined || query.isOver) this.#tidy(asker, lane);
      else this.#start(asker, lane, query);
      return true;
    }
    return false;
  }

  #mayStart({ zone, running, waiting }: Lane): boolean {
    return waiting.length > 0 && running < this.#options.mostOfZone - (this.#runningOfZone.get(zone) ?? 0);
  }

  #start(asker: Asker, lane: Lane, query: Query): void {
    this.#count(asker, lane, 1);
    void query.run().finally(() => {
      this.#count(asker, lane, -1);
      this.#tidy(asker, lane);
      this.#fill();
    });
  }

  #count(asker: Asker, lane: Lane, step: 1 | -1): void {
    this.#running += step;
    asker.running += step;
    lane.running += step;
    const left = (this.#runningOfZone.get(lane.zone) ?? 0) + step;
    if (left === 0) this.#runningOfZone.delete(lane.zone);
    else this.#runningOfZone.set(lane.zone, left);
  }

  #tidy(asker: Asker, lane: Lane): void {
    if (lane.running === 0 && lane.waiting.length === 0) asker.zones.delete(lane.zone);
    if (asker.zones.size === 0) this.#askers.delete(asker.name);
  }
}
