/** Reads JSON from a client of the admin API or from the state file, and reports every mistake at once. */
import { type Address, type Prefix, parseAddress, parsePrefix } from '../core/address.js';
import { classify, TABLE_ALONE } from '../core/special-purpose.js';
import { type HostPattern, isPort, parseHost, parseHostPattern } from '../core/target.js';

/** In the same shape as errors of the configuration. */
export interface FieldError {
  readonly path: string;
  readonly value: string;
  readonly expected: string;
}

type Place = { readonly host: HostPattern | null; readonly address: Prefix | null };

const LONGEST_FOR_MS = 90 * 86_400_000;
const MOST_PORTS = 32;
/** The most addresses of one name: each becomes a rule. */
export const MOST_ADDRESSES = 16;
const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** One body: each reader takes a key, and notes what is wrong with its value. */
export class Fields {
  readonly errors: FieldError[] = [];
  readonly #values: Readonly<Record<string, unknown>>;

  /** `known`: any other key is a mistake. */
  constructor(body: unknown, known: readonly string[]) {
    const isMapping = typeof body === 'object' && body !== null && !Array.isArray(body);
    this.#values = isMapping ? { ...body } : {};
    if (!isMapping) this.#wrong('', body, `a JSON object with the keys ${known.join(', ')}`);
    for (const key of Object.keys(this.#values))
      if (!known.includes(key))
        this.#wrong(
          /^\w{1,40}$/.test(key) ? key : shown(key),
          this.#values[key],
          `one of the keys ${known.join(', ')}`,
        );
  }

  /** Null if the key is absent or null. */
  word<const W extends string>(key: string, words: readonly W[]): W | null {
    const value = this.#given(key);
    const found = words.find((word) => word === value);
    if (value !== null && found === undefined) this.#wrong(key, value, `one of ${words.join(', ')}`);
    return found ?? null;
  }

  required<T>(key: string, value: T | null, expected: string): T | null {
    if (value === null && this.#given(key) === null) this.#wrong(key, null, expected);
    return value;
  }

  /** A name, `*.suffix` or an address in any spelling that a door takes. */
  place(key: string): Place | null {
    const expected =
      'a DNS name, *.suffix or an address, such as "api.github.com"; a name in other letters as "xn--..."';
    const value = this.required(key, this.#given(key), expected);
    if (value === null) return null;
    const found = typeof value === 'string' && value.length <= 256 ? placeOf(value) : null;
    if (found === null) this.#wrong(key, value, expected);
    return found;
  }

  ports(key: string): readonly number[] | null {
    const value = this.#given(key);
    if (value === null) return null;
    const ports = Array.isArray(value) ? value.filter((port) => typeof port === 'number' && isPort(port)) : [];
    if (Array.isArray(value) && ports.length === value.length && ports.length > 0 && ports.length <= MOST_PORTS)
      return [...new Set<number>(ports)].sort((a, b) => a - b);
    this.#wrong(key, value, `a list of 1 to ${MOST_PORTS} ports, such as [443]`);
    return null;
  }

  addresses(key: string): readonly Address[] | null {
    const value = this.#given(key);
    if (value === null) return null;
    const texts: readonly unknown[] = Array.isArray(value) ? value : [];
    const found = texts.flatMap((text) => (typeof text === 'string' ? (parseAddress(text) ?? []) : []));
    if (Array.isArray(value) && found.length === texts.length && found.length <= MOST_ADDRESSES) return found;
    this.#wrong(key, value, `a list of at most ${MOST_ADDRESSES} addresses, as the question had them`);
    return null;
  }

  duration(key: string): number | null {
    const value = this.#given(key);
    if (value === null) return null;
    const [, digits = '', unit = ''] = (typeof value === 'string' && /^([1-9]\d{0,9})(ms|s|m|h|d)$/.exec(value)) || [];
    const ms = Number(digits) * (UNITS.get(unit) ?? 0);
    if (ms > 0 && ms <= LONGEST_FOR_MS) return ms;
    this.#wrong(key, value, 'a duration of at most 90d, such as "10m" or "1h"');
    return null;
  }

  flag(key: string): boolean {
    const value = this.#given(key);
    if (value !== null && typeof value !== 'boolean') this.#wrong(key, value, 'true or false');
    return value === true;
  }

  /** Printable, on one line. */
  text(key: string, most: number): string | null {
    const value = this.#given(key);
    if (value === null || (typeof value === 'string' && value.length <= most && !UNPRINTABLE.test(value))) {
      return value === '' ? null : value;
    }
    this.#wrong(key, value, `a text of at most ${most} characters, without control characters`);
    return null;
  }

  clientName(key: string): string | null {
    const value = this.#given(key);
    if (value === null || (typeof value === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(value))) return value;
    this.#wrong(key, value, 'the name of a client of the configuration');
    return null;
  }

  /** Notes a mistake that several keys make together. */
  wrong(key: string, expected: string): void {
    this.#wrong(key, this.#given(key), expected);
  }

  #given(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? null) : null;
  }

  #wrong(path: string, value: unknown, expected: string): void {
    this.errors.push({ path, value: shown(value), expected });
  }
}

/** Control characters, directional marks and line separators, which could forge or hide a line. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function placeOf(text: string): Place | null {
  const bare = parseAddress(text);
  const host = bare === null ? parseHost(text) : null;
  const address = bare ?? (host?.ok && host.value.kind === 'literal' ? host.value.address : null);
  // Rules see the address inside a decoded form.
  if (address !== null) return { host: null, address: parsePrefix(classify(address, TABLE_ALONE).effective.text) };
  const pattern = parseHostPattern(text);
  return pattern === null ? null : { host: pattern, address: null };
}

/** In ASCII, on one line, truncated: the input is echoed to a terminal and to a page. */
function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'object') return Array.isArray(value) ? `a list of ${value.length}` : 'a mapping';
  const text = JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > 80 ? `${text.slice(0, 79)}...` : text;
}
