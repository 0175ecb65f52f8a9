/**
 * The content of a request as its framing delimits it (RFC 9112 sections 6 and 7): a length, or chunks with their
 * extensions and trailers. Nothing is repaired; what follows the content is left alone.
 */
import { isLineEnd, plainSizeLine, sizeOn } from './chunk-line.js';
import { GrowingText } from './growing-text.js';
import { type HeadLimits, takeField } from './head-lines.js';
import type { RequestHead } from './request-head.js';

export type ContentReading = { readonly kind: 'need-more' } | { readonly kind: 'fault' } | ContentEnd;

/** `taken`: how many octets of the last piece belong to the content. */
export interface ContentEnd {
  readonly kind: 'end';
  readonly taken: number;
  readonly trailers: readonly string[];
}

export interface ContentReader {
  /** Passes on the content in `bytes`, in at most one call, compacted in place. Linear in what arrives. */
  push(bytes: Buffer, onContent: (part: Buffer) => void): ContentReading;
}

const NEED_MORE: ContentReading = { kind: 'need-more' };
const FAULT: ContentReading = { kind: 'fault' };
const NO_TRAILERS: readonly string[] = [];
const LF = 0x0a;
/** For all chunk extensions together: nobody uses them, and they leave room for a flood (RFC 9112 section 7.1.1). */
const EXTENSION_BYTES = 4096;

/** For a head with `hasContent` that has passed `framingFault`. Null if the content is empty. */
export function contentReader(head: RequestHead, limits: HeadLimits): ContentReader | null {
  const { noted } = head;
  if (noted['transfer-encoding'] !== null) return new ChunkedReader(limits);
  const length = Number(noted['content-length'] ?? 0);
  return length === 0 ? null : new LengthReader(length);
}

class LengthReader implements ContentReader {
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  push(bytes: Buffer, onContent: (part: Buffer) => void): ContentReading {
    const taken = Math.min(this.#left, bytes.length);
    if (taken > 0) onContent(taken === bytes.length ? bytes : bytes.subarray(0, taken));
    this.#left -= taken;
    return this.#left === 0 ? { kind: 'end', taken, trailers: NO_TRAILERS } : NEED_MORE;
  }
}

type Expecting = 'size' | 'data' | 'data-end' | 'trailer';

/** Hexadecimal digits; spaces only before the semicolon of an extension. */
const CHUNK_LINE = /^([\dA-Fa-f]{1,16})(?:[\t ]{0,16};[\t\x20-\x7e\x80-\xff]*)?$/;
/** Fields that would change where the message ends or goes after that has been decided (RFC 9110 section 6.5.1). */
const FORBIDDEN_TRAILERS: ReadonlySet<string> = new Set(['content-length', 'host', 'transfer-encoding']);

class ChunkedReader implements ContentReader {
  readonly #limits: HeadLimits;
  readonly #trailers: string[] = [];
  #expecting: Expecting = 'size';
  #left = 0;
  readonly #line = new GrowingText();
  #extensionBytes = 0;
  #trailerBytes = 0;
  /** Where the content in the current piece begins and ends. */
  #start = 0;
  #filled = 0;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  push(bytes: Buffer, onContent: (part: Buffer) => void): ContentReading {
    this.#start = 0;
    this.#filled = 0;
    const reading = this.#read(bytes);
    if (this.#filled > this.#start) onContent(bytes.subarray(this.#start, this.#filled));
    return reading;
  }

  #read(bytes: Buffer): ContentReading {
    for (let at = 0; at < bytes.length; ) {
      if (this.#expecting === 'data') {
        at = this.#takeData(bytes, at);
        continue;
      }
      const plain = this.#line.length === 0 ? this.#plainLine(bytes, at) : 0;
      if (plain > 0) {
        at += plain;
        continue;
      }
      const lf = bytes.indexOf(LF, at);
      const end = lf === -1 ? bytes.length : lf + 1;
      if (this.#line.length + end - at > this.#mostLine()) return FAULT;
      this.#line.add(bytes.toString('latin1', at, end));
      at = end;
      if (lf === -1) return NEED_MORE;
      const text = this.#line.text();
      if (!text.endsWith('\r\n')) return FAULT;
      const line = text.slice(0, -2);
      this.#line.clear();
      const isLast = this.#expecting === 'trailer' && line === '';
      if (isLast) return { kind: 'end', taken: at, trailers: this.#trailers };
      if (!this.#takeLine(line)) return FAULT;
    }
    return NEED_MORE;
  }

  /** Returns where to go on. */
  #takeData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    if (this.#filled === 0) this.#start = at;
    else bytes.copyWithin(this.#filled, at, end);
    this.#filled = this.#filled === 0 ? end : this.#filled + end - at;
    this.#left -= end - at;
    if (this.#left === 0) this.#expecting = 'data-end';
    return end;
  }

  /** Takes a line in the usual form, and returns its octets: 0 if it has to be read as text. */
  #plainLine(bytes: Buffer, at: number): number {
    if (this.#expecting === 'data-end') {
      if (!isLineEnd(bytes, at)) return 0;
      this.#expecting = 'size';
      return 2;
    }
    const length = this.#expecting === 'size' ? plainSizeLine(bytes, at) : 0;
    if (length > 0) this.#takeSize(sizeOn(bytes, at, length));
    return length;
  }

  /** Most octets of a line, its end included. */
  #mostLine(): number {
    if (this.#expecting === 'data-end') return 2;
    if (this.#expecting === 'size') return EXTENSION_BYTES - this.#extensionBytes + 18;
    return this.#limits.headerBytes - this.#trailerBytes;
  }

  #takeLine(line: string): boolean {
    if (this.#expecting === 'data-end') {
      this.#expecting = 'size';
      return line === '';
    }
    if (this.#expecting === 'trailer') return this.#takeTrailer(line);
    const digits = CHUNK_LINE.exec(line)?.[1];
    const size = digits === undefined ? Number.NaN : Number.parseInt(digits, 16);
    this.#extensionBytes += line.length - (digits?.length ?? 0);
    this.#takeSize(size);
    return Number.isSafeInteger(size);
  }

  #takeSize(size: number): void {
    this.#left = size;
    this.#expecting = size === 0 ? 'trailer' : 'data';
  }

  #takeTrailer(line: string): boolean {
    this.#trailerBytes += line.length + 2;
    if (this.#trailers.length / 2 >= this.#limits.headerFields || takeField(line, 0, this.#trailers) === -1)
      return false;
    return !FORBIDDEN_TRAILERS.has(this.#trailers.at(-2)?.toLowerCase() ?? '');
  }
}
