/**
 * The head of a CONNECT, read from the bytes of a connection (RFC 9112 sections 2 to 5): every line ends in CRLF, one
 * blank between the parts of the request line, a colon right behind each field name, and nothing is repaired.
 */
import type { RequestHead } from './request-head.js';

export type HeadReading =
  | { readonly kind: 'need-more' }
  /** The first bytes are those of another method, or of no request at all. */
  | { readonly kind: 'other' }
  | { readonly kind: 'fault'; readonly reason: 'malformed-request' | 'header-too-large' }
  /** `rest`: what came behind the head. */
  | { readonly kind: 'head'; readonly head: RequestHead; readonly rest: Buffer };

const METHOD = 'CONNECT ';
const END = '\r\n\r\n';

/**
 * One for each connection, until it has said that a head is whole, or none. Linear in what arrives, however small the
 * pieces: each is searched once, with the end of what was before it.
 */
export class ConnectHeadReader {
  readonly #maxBytes: number;
  #text = '';
  /** The last characters of `#text`: a line end can lie across two pieces. */
  #tail = '';
  #pieces = 0;

  /** `maxBytes`: of the head with its last line end. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.#text === '';
  }

  /** All bytes so far, for whoever reads them again. */
  bytes(): Buffer {
    return Buffer.from(this.#text, 'latin1');
  }

  /** The next bytes of the connection; valid until it returns. */
  push(bytes: Buffer): HeadReading {
    const known = this.#text.length;
    const piece = bytes.toString('latin1');
    this.#add(piece);
    if (known < METHOD.length && !this.#text.startsWith(METHOD.slice(0, this.#text.length))) return { kind: 'other' };
    const window = this.#tail + piece;
    const at = window.indexOf(END);
    if (at === -1 && hasBareLineEnd(window, this.#tail.length)) return { kind: 'fault', reason: 'malformed-request' };
    const headLength = at === -1 ? this.#text.length : known - this.#tail.length + at + END.length;
    if (headLength > this.#maxBytes) return { kind: 'fault', reason: 'header-too-large' };
    this.#tail = window.slice(1 - END.length);
    if (at === -1) return { kind: 'need-more' };
    const head = parseHead(this.#text.slice(0, headLength - END.length));
    if (head === null) return { kind: 'fault', reason: 'malformed-request' };
    const taken = headLength - known;
    return { kind: 'head', head, rest: taken === bytes.length ? NOTHING : Buffer.from(bytes.subarray(taken)) };
  }

  /** A string that grows is a tree of its pieces, and thousands of one byte each would take memory by the kilobyte. */
  #add(piece: string): void {
    this.#text += piece;
    this.#pieces += 1;
    if (this.#pieces % FOLD_AFTER === 0) this.#text = this.bytes().toString('latin1');
  }
}

const FOLD_AFTER = 256;
const NOTHING = Buffer.alloc(0);
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
const FIELD_CONTENT = /^[\t\x20-\x7e\x80-\xff]*$/;
const REQUEST_LINE = /^CONNECT ([\x21-\x7e\x80-\xff]+) HTTP\/(\d\.\d)$/;

/** Seen at once, since such a head may never have the end that we wait for. A CR at the very end may still get its LF. */
function hasBareLineEnd(text: string, from: number): boolean {
  for (let at = text.indexOf('\n', from); at !== -1; at = text.indexOf('\n', at + 1)) {
    if (text[at - 1] !== '\r') return true;
  }
  return false;
}

/** `text` without its last two line ends; null where it is not exactly in the form. */
function parseHead(text: string): RequestHead | null {
  const [requestLine = '', ...fieldLines] = text.split('\r\n');
  const match = REQUEST_LINE.exec(requestLine);
  if (match === null) return null;
  const rawHeaders: string[] = [];
  for (const line of fieldLines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const value = withoutOuterBlanks(line, colon + 1);
    if (!TOKEN.test(name) || !FIELD_CONTENT.test(value)) return null;
    rawHeaders.push(name, value);
  }
  return { method: 'CONNECT', url: match[1], httpVersion: match[2] ?? '', rawHeaders };
}

/** Blank and tab only: `trim` takes characters away that belong to a value. */
function withoutOuterBlanks(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
