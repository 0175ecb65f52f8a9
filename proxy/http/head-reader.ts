/**
 * The head of a request, read from the bytes of a connection (RFC 9112 sections 2 to 5): every line ends in CRLF, one
 * space between the parts of the request line, a colon right after each field name, and nothing is repaired. One reader
 * for every request on every connection, so that a request gets the same verdict whatever its position. DECISIONS 31.
 */
import { isFieldContent, isToken, withoutOuterBlanks } from './characters.js';
import { GrowingText, ownText } from './growing-text.js';
import type { RequestHead } from './request-head.js';

export type HeadReading =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'fault'; readonly reason: 'malformed-request' | 'header-too-large' }
  | WholeHead;

/** `taken`: how many octets of the last piece belong to the head, whose length in all is `length`. */
export interface WholeHead {
  readonly kind: 'head';
  readonly head: RequestHead;
  readonly taken: number;
  readonly length: number;
}

export interface HeadLimits {
  /** For the head with its last line end, and the empty lines before it. */
  readonly headerBytes: number;
  readonly headerFields: number;
}

const END = Buffer.from('\r\n\r\n', 'latin1');
const END_TEXT = END.toString('latin1');
const CR = 0x0d;
const LF = 0x0a;
/** Most octets before the first space: longer than any method. */
const OPENING_BYTES = 24;

const MALFORMED: HeadReading = { kind: 'fault', reason: 'malformed-request' };
const TOO_LARGE: HeadReading = { kind: 'fault', reason: 'header-too-large' };
const NEED_MORE: HeadReading = { kind: 'need-more' };

/**
 * One for each head, until it reports that the head is whole or faulty. Linear in what arrives, however small the
 * pieces: each is searched once, together with the end of the one before.
 */
export class HeadReader {
  readonly #limits: HeadLimits;
  /** Null if the head comes in one piece, as most do. */
  #text: GrowingText | null = null;
  /** The last characters of the text: a line end can lie across two pieces. */
  #tail = '';
  /** Empty lines before the request line (RFC 9112 section 2.2). */
  #skipped = 0;
  #lines = 0;
  /** All that has come is half a line end before the request line. */
  #hasCarriageReturn = false;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** True while nothing of a request has come. */
  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** How many characters are held. */
  get length(): number {
    return this.#text?.length ?? 0;
  }

  /** The next bytes of the connection; valid until it returns. */
  push(bytes: Buffer): HeadReading {
    const start = this.#skipEmptyLines(bytes);
    if (start === null) return MALFORMED;
    if (start === bytes.length) return this.#isTooLarge(0) ? TOO_LARGE : NEED_MORE;
    const end = this.isEmpty ? bytes.indexOf(END, start) : -1;
    if (end !== -1) return this.#whole(bytes.toString('latin1', start, end), end + END.length);
    return this.#more(bytes.toString('latin1', start), start);
  }

  /** A piece that does not complete the head, or that completes a head in several pieces. */
  #more(piece: string, start: number): HeadReading {
    const known = this.length;
    this.#text ??= new GrowingText();
    const held = this.#text;
    const window = this.#tail + piece;
    const at = known === 0 ? -1 : window.indexOf(END_TEXT);
    if (at !== -1) {
      const taken = at - this.#tail.length + END.length;
      const text = held.text() + piece;
      return this.#whole(text.slice(0, known + at - this.#tail.length), start + taken);
    }
    held.add(piece);
    if (known < OPENING_BYTES && !/^[A-Z-]*(?: |$)/.test(held.text(OPENING_BYTES))) return MALFORMED;
    const lines = lineEnds(window, this.#tail.length);
    if (lines === null) return MALFORMED;
    if (this.#lines === 0 && lines > 0 && parseRequestLine(firstLine(held.text())) === null) return MALFORMED;
    this.#lines += lines;
    this.#tail = window.slice(1 - END.length);
    return this.#isTooLarge(held.length) || this.#lines - 1 > this.#limits.headerFields ? TOO_LARGE : NEED_MORE;
  }

  /** `text`: the head without its last two line ends. */
  #whole(text: string, taken: number): HeadReading {
    if (this.#isTooLarge(text.length + END.length)) return TOO_LARGE;
    const first = text.indexOf('\r\n');
    const head = parseRequestLine(first === -1 ? text : text.slice(0, first));
    if (head === null) return MALFORMED;
    const most = this.#limits.headerFields;
    const fault = first === -1 ? null : pushFields(text, first + 2, { fields: head.rawHeaders, most });
    return fault ?? { kind: 'head', head, taken, length: text.length + END.length };
  }

  #isTooLarge(length: number): boolean {
    return this.#skipped + length > this.#limits.headerBytes;
  }

  /** Where the request line begins in `bytes`, or their length; null if a CR is not followed by LF. */
  #skipEmptyLines(bytes: Buffer): number | null {
    let at = 0;
    if (this.#hasCarriageReturn) {
      if (bytes[0] !== LF) return null;
      this.#text?.clear();
      this.#hasCarriageReturn = false;
      this.#tail = '';
      this.#skipped += 2;
      at = 1;
    }
    while (this.isEmpty && bytes[at] === CR && bytes[at + 1] === LF) {
      this.#skipped += 2;
      at += 2;
    }
    if (!this.isEmpty || bytes[at] !== CR) return at;
    if (at + 1 < bytes.length) return null;
    this.#text ??= new GrowingText();
    this.#text.add('\r');
    this.#hasCarriageReturn = true;
    return bytes.length;
  }
}

interface OpenHead extends RequestHead {
  readonly rawHeaders: string[];
}

/**
 * Any method in upper case (RFC 9110 section 9.1). Not in lower case, which some servers take for the same method and
 * others do not; nor a misspelt CONNECT, whose sender means a tunnel.
 */
const REQUEST_LINE = /^(CONNECT|(?!CONNE)[A-Z][A-Z-]{0,31}) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d\.\d)$/;

function parseRequestLine(line: string): OpenHead | null {
  const match = REQUEST_LINE.exec(line);
  if (match === null) return null;
  return { method: match[1] ?? '', url: ownText(match[2] ?? ''), httpVersion: match[3] ?? '', rawHeaders: [] };
}

/** Takes the field lines of `text` from `from` on. Returns what is wrong with them, or null. */
function pushFields(
  text: string,
  from: number,
  into: { readonly fields: string[]; readonly most: number },
): HeadReading | null {
  const { fields, most } = into;
  for (let at = from, count = 1; ; count++) {
    const end = text.indexOf('\r\n', at);
    if (count > most) return TOO_LARGE;
    const line = text.slice(at, end === -1 ? text.length : end);
    // Too many of them are too many, whatever they are.
    if (!pushField(line, fields)) return text.split('\r\n').length - 1 > most ? TOO_LARGE : MALFORMED;
    if (end === -1) return null;
    at = end + 2;
  }
}

/** Appends name and value of one field line (RFC 9112 section 5); false if it is not one. */
export function pushField(line: string, fields: string[]): boolean {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(0, colon));
  const value = withoutOuterBlanks(line, colon + 1);
  if (!isToken(name) || !isFieldContent(value)) return false;
  fields.push(name, value);
  return true;
}

function firstLine(text: string): string {
  return text.slice(0, text.indexOf('\r\n'));
}

/**
 * How many lines end in `text` after `from`; null if there is a bare LF, since such a head may never have the expected
 * end. A CR at the very end may still get its LF.
 */
function lineEnds(text: string, from: number): number | null {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1; at = text.indexOf('\n', at + 1)) {
    if (text[at - 1] !== '\r') return null;
    count += 1;
  }
  return count;
}
