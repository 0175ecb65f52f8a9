/**
 * The head of a response, read from the bytes of a connection (RFC 9112 sections 2 to 6): linear in what arrives, and
 * bounded in bytes and in fields. What the RFC lets a proxy repair is repaired, so that nobody downstream can read it
 * differently: a bare LF as a line end, folded lines, spaces before a colon, a repeated length. Anything
 * else that deviates from the grammar is a fault.
 */
import { isBlank, isFieldContent, isToken, withoutOuterBlanks } from './characters.js';
import { hasField, isNamed, mayBeTrailer, members, responseFields, values } from './fields.js';

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
  /** True if a head has begun that is not whole. */
  isWithin = false;
  /** The earlier pieces of a head that arrives in several. */
  #held: Buffer | null = null;
  #length = 0;

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
    this.isWithin = false;
    this.#held = null;
    this.#length = 0;
    const head = end - start > RESPONSE_HEAD_BYTES ? null : parse(all.toString('latin1', start, end));
    return head === null ? FAULT : { kind: 'head', head, length: end - before };
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
    this.isWithin = needed > 0;
    return this.#held.subarray(0, needed);
  }
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

/** The status line (RFC 9112 section 4). A space has to come before the phrase. */
const STATUS_LINE = /^HTTP\/1\.\d [1-9]\d\d(?: |$)/;
const MINOR_AT = 7;
const STATUS_AT = 9;
const PHRASE_AT = 13;

/** `text` ends in an empty line. No control character but the tab may be passed on (RFC 9110 section 5.5). */
function parse(text: string): ReceivedHead | null {
  const end = text.indexOf('\n');
  const line = text.slice(0, text.charCodeAt(end - 1) === CR ? end - 1 : end);
  if (!STATUS_LINE.test(line) || !isFieldContent(line)) return null;
  const fields = parseFields(text, end + 1, RESPONSE_FIELDS);
  if (fields === null) return null;
  const status = Number(line.slice(STATUS_AT, PHRASE_AT - 1));
  return { minor: line[MINOR_AT] === '0' ? 0 : 1, status, phrase: line.slice(PHRASE_AT), fields };
}

/**
 * The field lines of `text` from `from` to the next empty line. Null if one is not a field line, contains a control character,
 * or is one more than `most`.
 */
export function parseFields(text: string, from: number, most: number): string[] | null {
  const fields: string[] = [];
  for (let at = from, count = 1; ; count++) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, text.charCodeAt(end - 1) === CR ? end - 1 : end);
    if (end === -1 || line === '') return fields;
    const isTaken = isBlank(line.charCodeAt(0)) ? unfold(fields, line) : takeField(fields, line);
    if (!isTaken || count > most || !isFieldContent(line)) return null;
    at = end + 1;
  }
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
function contentLengthOf(fields: readonly string[]): number | null | 'fault' {
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

/**
 * True if the origin will take another request on this connection (RFC 9112 section 9.3). After a transfer coding in HTTP/1.0 it is
 * unknown where the next message would begin (section 6.1).
 */
export function isPersistent({ minor, fields }: ReceivedHead, { kind }: Framing): boolean {
  if (kind === 'until-close' || (kind === 'chunked' && minor === 0)) return false;
  const options = members(fields, 'connection');
  return minor === 1 ? !options.includes('close') : options.includes('keep-alive');
}

/** The fields of a final response as they go to the client. */
export function finalFields({ minor, status, fields: received }: ReceivedHead, framing: Framing): string[] {
  const raw = framing.kind === 'chunked' ? received : without('trailer', withOneLength(received, framing));
  const fields = responseFields(raw, `1.${minor}`, status);
  // RFC 9110 section 6.6.1: a recipient that passes on a response without Date adds the time of receipt.
  if (!hasField(fields, 'date')) fields.push('Date', new Date().toUTCString());
  return fields;
}

/** Those that may be passed on. */
export function finalTrailers(trailers: readonly string[]): readonly string[] {
  return trailers.length === 0 ? trailers : trailers.filter((_, i) => mayBeTrailer(trailers[i - (i % 2)] ?? ''));
}

/** RFC 9110 section 8.6: a repeated length is passed on once, in plain digits, so that everybody reads the same number. */
function withOneLength(fields: readonly string[], framing: Framing): readonly string[] {
  const given = values(fields, 'content-length');
  const length = framing.kind === 'length' ? framing.octets : contentLengthOf(fields);
  if (length === null || (given.length === 1 && given[0] === String(length))) return fields;
  return [...without('content-length', fields), 'Content-Length', String(length)];
}

function without(name: string, fields: readonly string[]): readonly string[] {
  if (!hasField(fields, name)) return fields;
  return fields.filter((_, i) => !isNamed(fields[i - (i % 2)] ?? '', name));
}
