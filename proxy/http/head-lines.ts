/** The lines of a request's head (RFC 9112 sections 3 and 5), read from its text. Nothing is repaired. */
import { BLANK_CHARACTER, CONTENT_CHARACTER, TOKEN_CHARACTER } from './characters.js';
import { noted, type RequestHead } from './request-head.js';

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

export const END = Buffer.from('\r\n\r\n', 'latin1');
export const CR = 0x0d;
export const MALFORMED: HeadReading = { kind: 'fault', reason: 'malformed-request' };
export const TOO_LARGE: HeadReading = { kind: 'fault', reason: 'header-too-large' };

/**
 * Any method in upper case (RFC 9110 section 9.1). Not in lower case, which some servers take for the same method and
 * others do not; nor a misspelt CONNECT, whose sender means a tunnel.
 */
export const REQUEST_LINE = /^(CONNECT|(?!CONNE)[A-Z][A-Z-]{0,31}) ([\x21-\x7e\x80-\xff]+) HTTP\/(\d\.\d)$/;

/**
 * Reads a head that lies in one piece from the first octet of `bytes` on, as most do, with the verdict that a HeadReader
 * would come to. Null: this needs a HeadReader.
 */
export function readAtOnce(bytes: Buffer, limits: HeadLimits): HeadReading | null {
  // Perhaps an empty line (RFC 9112 section 2.2).
  if (bytes[0] === CR) return null;
  const end = bytes.indexOf(END);
  return end === -1 ? null : readHead(bytes.toString('latin1', 0, end), end + END.length, limits);
}

/** `text`: a head without its last two line ends, for which `headerBytes` is the limit. `taken`: see WholeHead. */
export function readHead(text: string, taken: number, { headerBytes, headerFields }: HeadLimits): HeadReading {
  const length = text.length + END.length;
  if (length > headerBytes) return TOO_LARGE;
  const first = text.indexOf('\r\n');
  const line = REQUEST_LINE.exec(first === -1 ? text : text.slice(0, first));
  if (line === null) return MALFORMED;
  const [, method = '', target = '', httpVersion = ''] = line;
  const rawHeaders: string[] = [];
  for (let at = first === -1 ? text.length : first; at < text.length; ) {
    if (rawHeaders.length === 2 * headerFields) return TOO_LARGE;
    at = takeField(text, at + 2, rawHeaders);
    // Too many of them are too many, whatever they are.
    if (at === -1) return text.split('\r\n').length - 1 > headerFields ? TOO_LARGE : MALFORMED;
  }
  // A slice would keep the whole text alive: a tunnel would hold its head for the sake of a host name.
  const url = Buffer.from(target, 'latin1').toString('latin1');
  return { kind: 'head', head: { method, url, httpVersion, rawHeaders, noted: noted(rawHeaders) }, taken, length };
}

/**
 * Appends name and value of the field line that begins at `start` (RFC 9112 section 5). Returns where the line ends, at a
 * line end or the end of the text; -1 if it is no field line.
 */
export function takeField(text: string, start: number, fields: string[]): number {
  let colon = start;
  while (TOKEN_CHARACTER[text.charCodeAt(colon)] === true) colon += 1;
  if (colon === start || text[colon] !== ':') return -1;
  let end = colon + 1;
  while (CONTENT_CHARACTER[text.charCodeAt(end)] === true) end += 1;
  if (end < text.length && !text.startsWith('\r\n', end)) return -1;
  let from = colon + 1;
  let to = end;
  while (from < to && BLANK_CHARACTER[text.charCodeAt(from)] === true) from += 1;
  while (from < to && BLANK_CHARACTER[text.charCodeAt(to - 1)] === true) to -= 1;
  fields.push(text.slice(start, colon), text.slice(from, to));
  return end;
}
