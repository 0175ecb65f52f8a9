/** The rows of `watch`: what was decided, newest last, the same again folded into one, and which one is chosen. */
export interface WatchRow {
  readonly outcome: string;
  readonly reason: string | null;
  readonly client: string;
  /** The name of a client that a grant can be for; null: all. */
  readonly grantClient: string | null;
  readonly host: string;
  readonly port: number;
  readonly count: number;
  readonly from: string;
}

const MOST_ROWS = 200;

export class WatchList {
  #rows: readonly WatchRow[] = [];
  #chosen: string | null = null;

  /** A decision record or a question. `clients`: the names that grants may name. The chosen row stays the chosen one. */
  add(record: unknown, clients: ReadonlySet<string>): void {
    const row = rowOf(record, clients);
    if (row === null) return;
    const same = this.#rows.find((one) => keyOf(one) === keyOf(row));
    // A question counts itself, and its refusals with it.
    if (same?.outcome === 'ask' && row.outcome !== 'ask') return;
    const count = row.outcome === 'ask' ? row.count : row.count + (same?.count ?? 0);
    const rows = this.#rows.filter((one) => one !== same);
    this.#rows = [...rows, { ...row, count }].slice(-MOST_ROWS);
    this.#chosen ??= keyOf(row);
  }

  get chosen(): WatchRow | null {
    return this.#rows.find((row) => keyOf(row) === this.#chosen) ?? this.#rows[0] ?? null;
  }

  /** By so many rows: up is negative, and infinity is the newest. */
  move(by: number): void {
    const { chosen } = this;
    const at = chosen === null ? 0 : this.#rows.indexOf(chosen);
    const next = this.#rows[Math.max(0, Math.min(this.#rows.length - 1, at + by))];
    this.#chosen = next === undefined ? null : keyOf(next);
  }

  /** The row shows what was decided. */
  decided(row: WatchRow, effect: 'allow' | 'block'): void {
    const shown = { ...row, outcome: effect, reason: 'decided here' };
    if (keyOf(row) === this.#chosen) this.#chosen = keyOf(shown);
    this.#rows = this.#rows.flatMap((one) =>
      keyOf(one) === keyOf(row) ? [shown] : keyOf(one) === keyOf(shown) ? [] : [one],
    );
  }

  /** As many rows as fit, the chosen one among them and marked. */
  lines(most: number, width: number): string[] {
    const { chosen } = this;
    const at = chosen === null ? 0 : this.#rows.indexOf(chosen);
    const from = Math.max(0, Math.min(at - Math.floor(most / 2), this.#rows.length - most));
    return this.#rows.slice(from, from + most).map((row) => {
      const times = row.count > 1 ? ` x${row.count}` : '';
      const text = `${row.outcome.padEnd(5)} ${row.client.padEnd(16)} ${row.host}:${row.port} ${row.reason ?? ''}${times}`;
      return `${row === chosen ? '>' : ' '} ${safe(text)}`.slice(0, width);
    });
  }
}

function rowOf(record: unknown, clients: ReadonlySet<string>): WatchRow | null {
  const [host, port, from] = [at(record, 'host'), at(record, 'port'), at(record, 'id')];
  if (typeof host !== 'string' || typeof port !== 'number' || at(record, 'event') === 'closed') return null;
  const isQuestion = at(record, 'outcome') === null;
  const name = at(at(record, 'client'), 'name') ?? at(at(record, 'client'), 'address');
  const reason = isQuestion ? 'not-yet-allowed' : at(record, 'reason');
  return {
    outcome: isQuestion ? 'ask' : String(at(record, 'outcome')),
    reason: typeof reason === 'string' ? reason : null,
    client: String(name ?? ''),
    grantClient: typeof name === 'string' && clients.has(name) ? name : null,
    host,
    port,
    count: isQuestion ? Number(at(record, 'count') ?? 1) : 1 + Number(at(record, 'repeats') ?? 0),
    from: String(at(record, isQuestion ? 'from' : 'id') ?? from),
  };
}

/** A question and its refusals are one row. */
function keyOf({ outcome, reason, client, host, port }: WatchRow): string {
  return JSON.stringify([reason === 'not-yet-allowed' ? 'ask' : outcome, reason, client, host, port]);
}

function at(value: unknown, key: string): unknown {
  return (typeof value === 'object' && value !== null ? Reflect.get(value, key) : null) ?? null;
}

/** What a terminal would obey is left out. */
function safe(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
