/**
 * The head of a request, read from the bytes of a connection (RFC 9112 sections 2 to 5): every line ends in CRLF, one
 * space between the parts of the request line, a colon right after each field name, and nothing is repaired. The same for
 * every request on every connection, so that a request gets the same verdict whatever its position. DECISIONS 31.
 */
import { GrowingText } from './growing-text.js';
import {
  CR,
  END,
  type HeadLimits,
  type HeadReading,
  MALFORMED,
  REQUEST_LINE,
  readHead,
  TOO_LARGE,
} from './head-lines.js';

const END_TEXT = END.toString('latin1');
const LF = 0x0a;
/** Most octets before the first space: longer than any method. */
const OPENING_BYTES = 24;

const NEED_MORE: HeadReading = { kind: 'need-more' };

/**
 * One for each head that `readAtOnce` leaves to it, until it reports that the head is whole or faulty. Linear in what arrives, however small the
 * pieces: each is searched once, together with the end of the one before.
 */
export class HeadReader {
  readonly #limits: HeadLimits;
  /** Null until a part of a head has come. */
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
    if (this.#lines === 0 && lines > 0 && !REQUEST_LINE.test(firstLine(held.text()))) return MALFORMED;
    this.#lines += lines;
    this.#tail = window.slice(1 - END.length);
    return this.#isTooLarge(held.length) || this.#lines - 1 > this.#limits.headerFields ? TOO_LARGE : NEED_MORE;
  }

  /** `text`: the head without its last two line ends. */
  #whole(text: string, taken: number): HeadReading {
    if (this.#isTooLarge(text.length + END.length)) return TOO_LARGE;
    return readHead(text, taken, this.#limits);
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
