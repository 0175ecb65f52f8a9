/**
 * JSON (RFC 8259) without anything in which parsers differ: one value with nothing after it, no key twice, strings of valid
 * Unicode, exact whole numbers. The engine's own parser folds the case of keys, merges duplicates and ignores what
 * follows; nothing that it could read differently gets past this one.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** In the order of the text. A Map, since any key may occur, even `__proto__`. */
export type JsonObject = ReadonlyMap<string, Json>;

export type JsonResult = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly why: string };

const MOST_DEPTH = 16;
/** A full create request has fewer than 2,000. Bounded, because an object takes a hundred times the octets of its text. */
const MOST_VALUES = 10_000;
const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Up to the next quote, escape or control character. */
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: ReadonlyMap<string, string> = new Map(
  Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }),
);

/** Never throws. The caller bounds the size. */
export function parseJson(bytes: Buffer): JsonResult {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { ok: true, value: new Parser(text).document() };
  } catch (error) {
    return { ok: false, why: error instanceof Malformed ? error.message : 'the body is not valid UTF-8' };
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map;
}

class Malformed extends Error {}

class Parser {
  readonly #text: string;
  #at = 0;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json {
    const value = this.#value(0);
    this.#match(SPACE);
    if (this.#at < this.#text.length) throw new Malformed('more follows after the JSON value');
    return value;
  }

  #value(depth: number): Json {
    this.#values += 1;
    if (this.#values > MOST_VALUES) throw new Malformed(`the JSON has more than ${MOST_VALUES} values`);
    if (depth > MOST_DEPTH) throw new Malformed(`the JSON is nested more than ${MOST_DEPTH} levels deep`);
    this.#match(SPACE);
    const next = this.#text[this.#at];
    if (next === '{') return this.#object(depth);
    if (next === '[') return this.#array(depth);
    if (next === '"') return this.#string();
    for (const [word, value] of [
      ['null', null],
      ['true', true],
      ['false', false],
    ] as const) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  #object(depth: number): JsonObject {
    const entries = new Map<string, Json>();
    this.#at += 1;
    if (this.#takes('}')) return entries;
    do {
      this.#match(SPACE);
      if (this.#text[this.#at] !== '"') throw new Malformed('the JSON has an object without a key');
      const key = this.#string();
      if (entries.has(key)) throw new Malformed(`the JSON has the key ${JSON.stringify(key.slice(0, 64))} twice`);
      if (!this.#takes(':')) throw new Malformed('the JSON has a key without a value');
      entries.set(key, this.#value(depth + 1));
    } while (this.#takes(','));
    if (!this.#takes('}')) throw new Malformed('the JSON has an object without an end');
    return entries;
  }

  #array(depth: number): Json[] {
    const items: Json[] = [];
    this.#at += 1;
    if (this.#takes(']')) return items;
    do items.push(this.#value(depth + 1));
    while (this.#takes(','));
    if (!this.#takes(']')) throw new Malformed('the JSON has an array without an end');
    return items;
  }

  #string(): string {
    this.#at += 1;
    let value = '';
    for (;;) {
      value += this.#match(PLAIN);
      const next = this.#text[this.#at];
      this.#at += 1;
      if (next === '"') break;
      if (next !== '\\') throw new Malformed('the JSON has a string with a control character, or without an end');
      value += this.#escape();
    }
    // Only now, because two escapes may together make one character, and a lone half shows only at the end.
    if (/\p{Surrogate}/u.test(value) || value.includes('\0'))
      throw new Malformed('the JSON has a string with NUL or half a surrogate pair');
    return value;
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? '';
    this.#at += 1;
    if (letter !== 'u') {
      const plain = ESCAPES.get(letter);
      if (plain === undefined) throw new Malformed('the JSON has an unknown escape');
      return plain;
    }
    const digits = this.#text.slice(this.#at, this.#at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new Malformed('the JSON has an unknown escape');
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  /** Refuses fractions, exponents, -0 and what a double cannot hold exactly: they could be written as another number. */
  #number(): number {
    const text = this.#match(NUMBER);
    if (text === '') throw new Malformed('the JSON has something that is not a value');
    const value = Number(text);
    if (!Number.isSafeInteger(value) || String(value) !== text)
      throw new Malformed(`the JSON has the number ${text.slice(0, 32)}, which is not a plain whole number`);
    return value;
  }

  #takes(character: string): boolean {
    this.#match(SPACE);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }
}
