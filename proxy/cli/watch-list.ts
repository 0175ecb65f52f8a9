/** The rows of `watch`: what was decided, newest last, the same again folded into one, and which one is chosen. */
import { hostPortText } from '../core/target.js';

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
  /** What to look at twice in the host, if that is known. */
  readonly warning: string | null;
  /** The question; null: a decision. */
  readonly question: string | null;
}

const MOST_ROWS = 200;
/** Of a client's name, which tools may choose: the host is what is decided. */
const CLIENT_WIDTH = 16;

export class WatchList {
  #rows: readonly WatchRow[] = [];
  /** The first row is chosen, and from then on only what somebody chooses: no other one steps into its place. */
  #chosen: string | null = null;
  /** The row that was last warned of: another one needs its own. */
  #warned: string | null = null;

  /** A decision record or a question. `clients`: the names that grants may name. */
  add(record: unknown, clients: ReadonlySet<string>): void {
    const row = rowOf(record, clients);
    if (row === null) return;
    const same = this.#rows.find((one) => keyOf(one) === keyOf(row));
    // A question counts itself, and its refusals with it.
    if (same?.outcome === 'ask' && row.outcome !== 'ask') return;
    const count = row.outcome === 'ask' ? row.count : row.count + (same?.count ?? 0);
    const rows = this.#rows.filter((one) => one !== same);
    this.#rows = [...rows, { ...row, count }];
    this.#chosen ??= keyOf(row);
    if (this.#rows.length > MOST_ROWS) this.#dropOldest();
  }

  /** The question is none any more. */
  ended(question: string): void {
    this.#rows = this.#rows.filter((row) => row.question !== question);
  }

  /** Null where it has gone. */
  get chosen(): WatchRow | null {
    return this.#rows.find((row) => keyOf(row) === this.#chosen) ?? null;
  }

  /** By so many rows: up is negative, and infinity is the newest. */
  move(by: number): void {
    const { chosen } = this;
    const at = chosen === null ? this.#rows.length : this.#rows.indexOf(chosen);
    const next = this.#rows[Math.max(0, Math.min(this.#rows.length - 1, at + by))];
    this.#chosen = next === undefined ? null : keyOf(next);
  }

  /** False if whoever decides has been warned of this row before. */
  warn(row: WatchRow, warning: string): boolean {
    if (this.#warned === keyOf(row)) return false;
    this.#warned = keyOf(row);
    this.#rows = this.#rows.map((one) => (keyOf(one) === keyOf(row) ? { ...one, warning } : one));
    return true;
  }

  /** The row shows what was decided. */
  decided(row: WatchRow, effect: 'allow' | 'block'): void {
    const shown = { ...row, outcome: effect, reason: 'decided here', question: null };
    if (keyOf(row) === this.#chosen) this.#chosen = keyOf(shown);
    const others = this.#rows.filter((one) => keyOf(one) !== keyOf(shown));
    const isThere = others.some((one) => keyOf(one) === keyOf(row));
    this.#rows = isThere ? others.map((one) => (keyOf(one) === keyOf(row) ? shown : one)) : [...others, shown];
  }

  /** As many rows as fit, the chosen one among them and marked. */
  lines(most: number, width: number): string[] {
    const { chosen } = this;
    const at = chosen === null ? this.#rows.length : this.#rows.indexOf(chosen);
    const from = Math.max(0, Math.min(at - Math.floor(most / 2), this.#rows.length - most));
    return this.#rows.slice(from, from + most).map((row) => lineOf(row, row === chosen ? '>' : ' ', width));
  }

  /** Neither the chosen row nor a question, as long as there are others: a flood must not hide them. */
  #dropOldest(): void {
    const isFree = (row: WatchRow): boolean => keyOf(row) !== this.#chosen;
    const oldest = this.#rows.find((row) => isFree(row) && row.question === null) ?? this.#rows.find(isFree);
    this.#rows = this.#rows.filter((row) => row !== oldest);
  }
}

function lineOf(
  { outcome, client, host, port, reason, count, warning }: WatchRow,
  mark: string,
  width: number,
): string {
  const who = client.length > CLIENT_WIDTH ? `${client.slice(0, CLIENT_WIDTH - 3)}...` : client.padEnd(CLIENT_WIDTH);
  const head = `${mark} ${outcome.padEnd(5)} ${who} `;
  const where = ending(hostPortText(host, port), width - head.length);
  const more = warning === null ? '' : ` ${warning}`;
  return safe(`${head}${where} ${reason ?? ''}${count > 1 ? ` x${count}` : ''}${more}`).slice(0, width);
}

/** The end of a name is whose it is; its beginning is whatever the owner likes. */
function ending(place: string, room: number): string {
  return place.length <= room ? place : `...${place.slice(-Math.max(1, room - 3))}`;
}

function rowOf(record: unknown, clients: ReadonlySet<string>): WatchRow | null {
  const [host, port, from] = [at(record, 'host'), at(record, 'port'), at(record, 'id')];
  if (typeof host !== 'string' || typeof port !== 'number' || at(record, 'event') === 'closed') return null;
  const isQuestion = at(record, 'outcome') === null;
  const warning = at(record, 'warning');
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
    warning: typeof warning === 'string' ? warning : null,
    question: isQuestion ? String(from) : null,
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
