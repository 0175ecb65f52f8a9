/**
 * The head of a response, read from the bytes of a connection (RFC 9112 sections 2 to 6): linear in what arrives, and
 * bounded in bytes and in fields. What the RFC lets a proxy repair is repaired, so that nobody downstream can read it
 * differently: a bare LF as a line end, folded lines, spaces before a colon, a repeated length. Anything
 * else that deviates from the grammar is a fault.
 */
import { withoutOuterBlanks } from './characters.js';
import { listMembers } from './fields.js';
import { takeField } from './head-lines.js';
import { repairLine } from './repaired-line.js';

export interface ReceivedHead {
  /** The minor version: 0 or 1. A later one of HTTP/1 counts as 1. */
  readonly minor: 0 | 1;
  readonly status: number;
  readonly phrase: string;
  readonly fields: string[];
  /** Of those, what this proxy acts on. */
  readonly noted: NotedFields;
}

const NOTED = [
  'date',
  'trailer',
  'connection',
  'keep-alive',
  'content-length',
  'www-authenticate',
  'transfer-encoding',
] as const;

type NotedName = (typeof NOTED)[number];

/** Null: there is no such field. Several of one name are one list, as RFC 9110 section 5.3 joins them. */
export type NotedFields = Readonly<Record<NotedName, string | null>>;

const NOTED_BY_LENGTH = Array.from({ length: 20 }, (_, length) => NOTED.filter((name) => name.length === length));
const NONE: readonly NotedName[] = [];
const NOTHING_NOTED: NotedFields = {
  date: null,
  trailer: null,
  connection: null,
  'keep-alive': null,
  'content-length': null,
  'www-authenticate': null,
  'transfer-encoding': null,
};

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
    const start = all[0] === START[0] ? 0 : skipLineEnds(all);
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

/** The status line (RFC 9112 section 4): a space has to come before the phrase, which holds no control character but the tab. */
const STATUS_LINE = /^HTTP\/1\.\d [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const MINOR_AT = 7;
const STATUS_AT = 9;
const PHRASE_AT = 13;

/** `text` ends in an empty line. */
function parse(text: string): ReceivedHead | null {
  const end = text.indexOf('\n');
  const line = text.slice(0, text.charCodeAt(end - 1) === CR ? end - 1 : end);
  const fields = STATUS_LINE.test(line) ? parseFields(text, end + 1, RESPONSE_FIELDS) : null;
  if (fields === null) return null;
  const status = Number(line.slice(STATUS_AT, PHRASE_AT - 1));
  const minor = line[MINOR_AT] === '0' ? 0 : 1;
  return { minor, status, phrase: line.slice(PHRASE_AT), fields, noted: noted(fields) };
}

/**
 * The field lines of `text` from `from` to the next empty line. Null if one is not a field line, contains a control character,
 * or is one more than `most`.
 */
export function parseFields(text: string, from: number, most: number): string[] | null {
  const fields: string[] = [];
  let at = from;
  for (let count = 1; at < text.length && text[at] !== '\n' && !text.startsWith('\r\n', at); count++) {
    const end = takeField(text, at, fields);
    at = end === -1 ? repairLine(text, at, fields) : end + 2;
    if (at === -1 || count > most) return null;
  }
  return fields;
}

/** Goes through the fields of a response once, so that none of its checks has to search them. */
export function noted(fields: readonly string[]): NotedFields {
  const found: { -readonly [name in keyof NotedFields]: string | null } = { ...NOTHING_NOTED };
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const field = fields[i] ?? '';
    for (const name of NOTED_BY_LENGTH[field.length] ?? NONE) {
      if (field.toLowerCase() !== name) continue;
      const before = found[name];
      found[name] = before === null ? (fields[i + 1] ?? '') : `${before},${fields[i + 1]}`;
    }
  }
  return found;
}

/** Null if the framing is faulty (RFC 9112 section 6.3). Any coding but a single `chunked` would be left on the content. */
export function framingOf({ status, noted }: ReceivedHead, method: string): Framing | null {
  const { 'content-length': given, 'transfer-encoding': coding } = noted;
  let length: number | 'fault' | null = null;
  if (given !== null) length = LENGTH.test(given) ? Number(given) : lengthOf(given);
  if (coding !== null && (length !== null || !isChunked(coding))) return null;
  if (length === 'fault') return null;
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' };
  if (coding !== null) return { kind: 'chunked' };
  return length === null ? { kind: 'until-close' } : { kind: 'length', octets: length };
}

function isChunked(coding: string): boolean {
  const codings = listMembers(coding);
  return codings.length === 1 && codings[0] === 'chunked';
}

const LENGTH = /^\d{1,15}$/;

/** The one length that all agree on. An empty one is a fault: some clients take it for zero, and the content for the next response. */
export function lengthOf(given: string): number | 'fault' {
  const texts = given.split(',').map((text) => withoutOuterBlanks(text));
  const [first, ...others] = new Set(texts.map(Number));
  const isOne = others.length === 0 && texts.every((text) => LENGTH.test(text));
  return isOne && first !== undefined ? first : 'fault';
}

/**
 * True if the origin will take another request on this connection (RFC 9112 section 9.3). After a transfer coding in HTTP/1.0 it is
 * unknown where the next message would begin (section 6.1).
 */
export function isPersistent({ minor, noted: { connection } }: ReceivedHead, { kind }: Framing): boolean {
  if (kind === 'until-close' || (kind === 'chunked' && minor === 0)) return false;
  if (connection === null) return minor === 1;
  const options = listMembers(connection);
  return minor === 1 ? !options.includes('close') : options.includes('keep-alive');
}
