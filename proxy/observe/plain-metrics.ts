/**
 * Metrics that count in plain arrays and maps and are handed to the registry when it is read. In prom-client's own, a value costs
 * a hash of its labels, or nine function calls and five objects, and each record adds several.
 */
import { Counter, Histogram, type Registry } from 'prom-client';

interface RowsOptions {
  readonly name: string;
  readonly help: string;
  /** At most three. */
  readonly labelNames: readonly string[];
  readonly registry: Registry;
}

type Row = { readonly values: readonly string[]; count: number };

/** The most rows of one counter, since each reload may bring new names. */
const MOST_ROWS = 1000;

/** A counter with a row for each combination of label values, which are given in the order of `labelNames`. */
export class Rows {
  readonly #rows: Row[] = [];
  /** Looked up by one value after the other, because joining them would make a new string for each record. */
  readonly #found = new Map<string, Map<string, Map<string, Row>>>();

  constructor({ name, help, labelNames, registry }: RowsOptions) {
    const rows = this.#rows;
    const counter = new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        counter.reset();
        for (const { values, count } of rows) counter.labels(...values.slice(0, labelNames.length)).inc(count);
      },
    });
  }

  /** Counts one more. False: there is no such row. */
  count(first: string, second: string, third = ''): boolean {
    const row = this.#found.get(first)?.get(second)?.get(third);
    if (row === undefined) return false;
    row.count += 1;
    return true;
  }

  /** Adds a row that there is not yet; beyond the bound, it is left out. */
  open(count: number, first: string, second: string, third = ''): void {
    if (this.#rows.length === MOST_ROWS) return;
    const row = { values: [first, second, third], count };
    const ofFirst = this.#found.get(first) ?? new Map<string, Map<string, Row>>();
    const ofSecond = ofFirst.get(second) ?? new Map<string, Row>();
    this.#rows.push(row);
    this.#found.set(first, ofFirst.set(second, ofSecond.set(third, row)));
  }
}

interface DurationsOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds in seconds, the smallest first. */
  readonly buckets: readonly number[];
  readonly registry: Registry;
}

/** A histogram of seconds. */
export class Durations extends Histogram<'le'> {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  /** How many values were within each bound but not within the one before; values beyond all bounds come last. */
  readonly #counts: number[];
  #sum = 0;

  constructor({ name, help, buckets, registry }: DurationsOptions) {
    super({ name, help, buckets: [...buckets], registers: [registry] });
    this.#name = name;
    this.#help = help;
    this.#bounds = buckets;
    this.#counts = Array<number>(buckets.length + 1).fill(0);
  }

  /** NaN is not counted. */
  add(ms: number): void {
    if (!Number.isFinite(ms)) return;
    const seconds = ms / 1000;
    let at = 0;
    while (at < this.#bounds.length && seconds > (this.#bounds[at] ?? 0)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += seconds;
  }

  /** Called by prom-client when it reads the metric. */
  async getForPromString() {
    const bucket = `${this.#name}_bucket`;
    let count = 0;
    const values = this.#counts.map((more, at) => {
      count += more;
      return sample(bucket, count, { le: this.#bounds[at] ?? '+Inf' });
    });
    values.push(sample(`${this.#name}_sum`, this.#sum), sample(`${this.#name}_count`, count));
    return { name: this.#name, help: this.#help, type: 'histogram', aggregator: 'sum', values };
  }
}

function sample(metricName: string, value: number, labels: { le?: number | string } = {}) {
  return { metricName, value, labels, sharedLabels: {} };
}
