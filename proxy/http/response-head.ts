/**
 * The head of a response, read from the bytes of a connection (RFC 9112 sections 2 to 6): linear in what arrives, and
 * bounded in bytes and in fields. What the RFC lets a proxy repair is repaired, so that nobody downstream can read it
 * differently: a bare LF as a line end, folded lines, spaces before a colon, a repeated length. Anything
 * else that deviates from the grammar is a fault.
 */
import { isBlank, isFieldContent, isToken, withoutOuterBlanks } from './characters.js';
import { hasField, members, values } from './fields.js';

export interface ReceivedHead {
  /** The minor version: 0 or 1. A later one of HTTP/1 counts as 1. */
  readonly minor: 0 | 1;
  readonly status: number;
  readonly phrase: string;
  readonly fields: string[];
}

/** Where the content ends (RFC 9112 section 6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly octets: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

export type HeadReading =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'fault' }
  /** `length`: how many of the bytes pushed last belong to the head. */
  | { readonly kind: 'head'; readonly head: ReceivedHead; readonly length: number };

/** More than Node's 16 KiB, as browsers take. */
export const RESPONSE_HEAD_BYTES = 64 * 1024;
export const RESPONSE_FIELDS = 512;

const START = Buffer.from('HTTP/1.');
const CR = 0x0d;
const LF = 0x0a;
const NEED_MORE: HeadReading = { kind: 'need-more' };
const FAULT: HeadReading = { kind: 'fault' };

/** One for each connection: after a head it starts afresh. */
export class ResponseHeadReader {
  /** The earlier pieces of a head that arrives in several. */
  #held: Buffer | null = null;
  #length = 0;

  /** True if a head has begun that is not whole. */
  get isWithin(): boolean {
    return this.#length > 0;
  }

  /** Octets that are held for it. */
  get held(): number {
    return this.#held?.length ?? 0;
  }

  /** The next bytes of the connection; valid until it returns. */
  push(bytes: Buffer): HeadReading {
    const before = this.#length;
    const all = before === 0 ? bytes : this.#hold(bytes);
    const start = skipLineEnds(all);
    const end = endOf(all, Math.max(start, before - 2));
    if (end === -1) return this.#wait(all, bytes, start);
    this.#held = null;
    this.#length = 0;
    return read(all, start, end, before);
  }

  #wait(all: Buffer, bytes: Buffer, start: number): HeadReading {
    if (all.length > RESPONSE_HEAD_BYTES || !mayBegin(all, start)) return FAULT;
    if (this.#length === 0) this.#hold(bytes);
    return NEED_MORE;
  }

  /** All bytes so far. The room doubles, so that each byte is copied twice at most, however small the pieces. */
  #hold(bytes: Buffer): Buffer {
    const needed = this.#length + bytes.length;
    if (this.#held === null || this.#held.length < needed) {
      const room = Buffer.allocUnsafe(Math.max(1024, needed * 2));
      this.#held?.copy(room, 0, 0, this.#length);
      this.#held = room;
    }
    bytes.copy(this.#held, this.#length);
    this.#length = needed;
    return this.#held.subarray(0, needed);
  }
}

function read(all: Buffer, start: number, end: number, before: number): HeadReading {
  if (end - start > RESPONSE_HEAD_BYTES) return FAULT;
  const head = parse(all.toString('latin1', start, end));
  return head === null ? FAULT : { kind: 'head', head, length: end - before };
}

/** Some servers send one line end too many after their last response (compare RFC 9112 section 2.2 for requests). */
function skipLineEnds(bytes: Buffer): number {
  let at = 0;
  while (at < 4 && (bytes[at] === CR || bytes[at] === LF)) at += 1;
  return at;
}

/** The index after the first empty line, or -1. Octet by octet: most heads are short, and two searches would cost more. */
function endOf(bytes: Buffer, from: number): number {
  for (let i = from; i + 1 < bytes.length; i++) {
    if (bytes[i] !== LF) continue;
    if (bytes[i + 1] === LF) return i + 2;
    if (bytes[i + 1] === CR && bytes[i + 2] === LF) return i + 3;
  }
  return -1;
}

/** Checked at once, since what is not a head may never have the expected end. */
function mayBegin(bytes: Buffer, start: number): boolean {
  const length = Math.min(START.length, bytes.length - start);
  return bytes.compare(START, 0, length, start, start + length) === 0;
}

/** `text` ends in an empty line. No control character but the tab may be passed on (RFC 9110 section 5.5). */
function parse(text: string): ReceivedHead | null {
  const lines = new Lines(text);
  const line = lines.next() ?? '';
  const status = statusOn(line);
  if (status === null || !isFieldContent(line)) return null;
  const fields = parseFields(lines, RESPONSE_FIELDS);
  if (fields === null) return null;
  return { minor: line[MINOR_AT] === '0' ? 0 : 1, status, phrase: line.slice(STATUS_LINE.length + 1), fields };
}

/** The shortest status line, in which a digit stands for any. */
const STATUS_LINE = 'HTTP/1.1 200';
const MINOR_AT = 7;
const STATUS_AT = 9;

/** The status on a status line (RFC 9112 section 4), or null if it is none; a space has to come before the phrase. */
function statusOn(line: string): number | null {
  for (let i = 0; i < STATUS_LINE.length; i++) {
    const isEqual = i === MINOR_AT || i >= STATUS_AT ? isDigit(line.charCodeAt(i)) : line[i] === STATUS_LINE[i];
    if (!isEqual) return null;
  }
  if (line.length > STATUS_LINE.length && line[STATUS_LINE.length] !== ' ') return null;
  const status = Number(line.slice(STATUS_AT, STATUS_LINE.length));
  return status < 100 ? null : status;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The lines of a text, without their ends. */
export class Lines {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Null at the empty line that ends them, or if none is left. */
  next(): string | null {
    const end = this.#text.indexOf('\n', this.#at);
    if (end === -1) return null;
    const isCrLf = this.#text.charCodeAt(end - 1) === 0x0d;
    const line = this.#text.slice(this.#at, isCrLf ? end - 1 : end);
    this.#at = end + 1;
    return line === '' ? null : line;
  }
}

/** Null if a line is not a field line, contains a control character, or is one more than `most`. */
export function parseFields(lines: Lines, most: number): string[] | null {
  const fields: string[] = [];
  let count = 0;
  for (let line = lines.next(); line !== null; line = lines.next()) {
    count += 1;
    const isTaken = isBlank(line.charCodeAt(0)) ? unfold(fields, line) : takeField(fields, line);
    if (!isTaken || count > most || !isFieldContent(line)) return null;
  }
  return fields;
}

/** RFC 9112 section 5.2: a proxy replaces a fold in a response with a space. */
function unfold(fields: string[], line: string): boolean {
  const last = fields.length - 1;
  const more = withoutOuterBlanks(line);
  if (more !== '' && last > 0) fields[last] = fields[last] === '' ? more : `${fields[last]} ${more}`;
  return last > 0;
}

/** RFC 9112 section 5.1: a proxy removes spaces before the colon in a response. */
function takeField(fields: string[], line: string): boolean {
  const colon = line.indexOf(':');
  const name = withoutOuterBlanks(line, 0, colon);
  if (colon <= 0 || !isToken(name)) return false;
  fields.push(name, withoutOuterBlanks(line, colon + 1));
  return true;
}

/** Null if the framing is faulty (RFC 9112 section 6.3). Any coding but a single `chunked` would be left on the content. */
export function framingOf({ status, fields }: ReceivedHead, method: string): Framing | null {
  const hasCoding = hasField(fields, 'transfer-encoding');
  const codings = hasCoding ? members(fields, 'transfer-encoding') : [];
  const length = contentLengthOf(fields);
  if (hasCoding && (codings.length !== 1 || codings[0] !== 'chunked' || length !== null)) return null;
  if (length === 'fault') return null;
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' };
  if (hasCoding) return { kind: 'chunked' };
  return length === null ? { kind: 'until-close' } : { kind: 'length', octets: length };
}

const LENGTH = /^\d{1,15}$/;

/**
 * The one length that the fields agree on, or null if none is given. An empty one is a fault: some clients take it for
 * zero, and the content for the next response.
 */
export function contentLengthOf(fields: readonly string[]): number | null | 'fault' {
  const given = values(fields, 'content-length');
  const [only] = given;
  if (only === undefined) return null;
  if (given.length === 1 && LENGTH.test(only)) return Number(only);
  const texts = given
    .join(',')
    .split(',')
    .map((text) => withoutOuterBlanks(text));
  const [first, ...others] = new Set(texts.map(Number));
  const isOne = others.length === 0 && texts.every((text) => LENGTH.test(text));
  return isOne && first !== undefined ? first : 'fault';
}

/** True if the origin will take another request on this connection (RFC 9112 section 9.3). */
export function isPersistent({ minor, fields }: ReceivedHead): boolean {
  const options = members(fields, 'connection');
  return minor === 1 ? !options.includes('close') : options.includes('keep-alive');
}
