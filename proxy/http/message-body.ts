/** The content of a response, read from the bytes of a connection (RFC 9112 sections 6 and 7): strictly, and never past its end. */
import { HeldBytes } from '../net/held-bytes.js';
import { isLineEnd, plainSizeLine, sizeOn } from './chunk-line.js';
import { type Framing, parseFields } from './response-head.js';

/** Reads the content of one message. */
export interface BodyReader {
  /**
   * The content in `bytes`: a view of them, perhaps compacted in place. What comes after the end of
   * the message is counted in `surplus`.
   */
  push(bytes: Buffer): Buffer;
  readonly state: 'open' | 'done' | 'fault';
  /** Bytes that came after the end of the message. */
  readonly surplus: number;
  readonly trailers: readonly string[];
}

export function bodyReader(framing: Framing): BodyReader {
  switch (framing.kind) {
    case 'none':
      return new LengthReader(0);
    case 'length':
      return new LengthReader(framing.octets);
    case 'chunked':
      return new ChunkedReader();
    case 'until-close':
      return new OpenReader();
  }
}

const NO_TRAILERS: readonly string[] = Object.freeze([]);
const NOTHING = Buffer.alloc(0);

class LengthReader implements BodyReader {
  readonly trailers = NO_TRAILERS;
  state: 'open' | 'done';
  surplus = 0;
  #left: number;

  constructor(octets: number) {
    this.#left = octets;
    this.state = octets === 0 ? 'done' : 'open';
  }

  push(bytes: Buffer): Buffer {
    const content = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= content.length;
    this.surplus += bytes.length - content.length;
    if (this.#left === 0) this.state = 'done';
    return content;
  }
}

class OpenReader implements BodyReader {
  readonly trailers = NO_TRAILERS;
  readonly surplus = 0;
  readonly state = 'open';

  push(bytes: Buffer): Buffer {
    return bytes;
  }
}

/** Most octets of one line with a chunk's size and extensions. */
const SIZE_LINE_BYTES = 1024;
/** Extensions beyond this may not outweigh the content. */
const EXTENSION_BYTES = 64 * 1024;
const TRAILER_BYTES = 16 * 1024;
const MOST_TRAILERS = 64;
/** Spaces after the size: some servers pad it. Thirteen digits are more than any content, and exact in a double. */
const SIZE_LINE = /^([0-9a-f]{1,13})[\t ]*(?:;([\t\x20-\x7e\x80-\xff]*))?$/i;

class ChunkedReader implements BodyReader {
  trailers: readonly string[] = NO_TRAILERS;
  surplus = 0;
  state: 'open' | 'done' | 'fault' = 'open';
  #within: 'size' | 'content' | 'line-end' | 'trailers' = 'size';
  #left = 0;
  #extensions = 0;
  #octets = 0;
  readonly #line = new LineCollector();
  #trailerText = '';

  push(bytes: Buffer): Buffer {
    let at = 0;
    let filled = 0;
    while (at < bytes.length && this.state === 'open') {
      if (this.#within !== 'content') {
        at = this.#readLine(bytes, at);
        continue;
      }
      const end = Math.min(bytes.length, at + this.#left);
      if (filled !== at) bytes.copyWithin(filled, at, end);
      filled += end - at;
      this.#left -= end - at;
      at = end;
      if (this.#left === 0) this.#within = 'line-end';
    }
    if (this.state === 'done') this.surplus += bytes.length - at;
    return filled === 0 ? NOTHING : bytes.subarray(0, filled);
  }

  /** Returns where to go on. */
  #readLine(bytes: Buffer, at: number): number {
    const plain = this.#line.isEmpty ? this.#plainLine(bytes, at) : 0;
    if (plain > 0) return at + plain;
    const most = this.#within === 'trailers' ? TRAILER_BYTES : SIZE_LINE_BYTES;
    const next = this.#line.push(bytes, at, most);
    const line = this.#line.taken;
    if (line !== null) this.#take(line);
    else if (this.#line.isFaulty) this.state = 'fault';
    return next;
  }

  /** Takes a line in the usual form, and returns its octets: 0 if it has to be read as text. */
  #plainLine(bytes: Buffer, at: number): number {
    if (this.#within === 'line-end') {
      if (!isLineEnd(bytes, at)) return 0;
      this.#within = 'size';
      return 2;
    }
    const length = this.#within === 'size' ? plainSizeLine(bytes, at) : 0;
    if (length > 0) this.#begin(sizeOn(bytes, at, length));
    return length;
  }

  #take(line: string): void {
    if (this.#within === 'line-end') {
      this.#within = 'size';
      if (line !== '') this.state = 'fault';
    } else if (this.#within === 'size') {
      this.#takeSize(line);
    } else {
      this.#takeTrailer(line);
    }
  }

  #takeSize(line: string): void {
    const match = SIZE_LINE.exec(line);
    this.#extensions += match?.[2]?.length ?? 0;
    if (match === null || this.#extensions > EXTENSION_BYTES + this.#octets) {
      this.state = 'fault';
      return;
    }
    this.#begin(Number.parseInt(match[1] ?? '', 16));
  }

  #begin(size: number): void {
    this.#left = size;
    this.#octets += size;
    this.#within = this.#left === 0 ? 'trailers' : 'content';
  }

  #takeTrailer(line: string): void {
    this.#trailerText += `${line}\r\n`;
    if (line !== '') {
      if (this.#trailerText.length > TRAILER_BYTES) this.state = 'fault';
      return;
    }
    const trailers = parseFields(this.#trailerText, 0, MOST_TRAILERS);
    this.trailers = trailers ?? NO_TRAILERS;
    this.state = trailers === null ? 'fault' : 'done';
  }
}

/** Collects one line that ends in CRLF, from as many pieces as it arrives in. */
class LineCollector {
  /** The line that the last push has completed, without its end; otherwise null. */
  taken: string | null = null;
  isFaulty = false;
  /** Not a list of pieces: octets may come one by one, and thousands of small buffers are megabytes. */
  #held = new HeldBytes();

  /** True between two lines. */
  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** Returns where to go on. */
  push(bytes: Buffer, at: number, most: number): number {
    const end = bytes.indexOf(0x0a, at);
    const to = end === -1 ? bytes.length : end + 1;
    this.taken = null;
    if (this.#held.length + to - at > most) {
      this.isFaulty = true;
      return to;
    }
    if (end === -1) this.#held.push(bytes.subarray(at, to));
    else this.#complete(bytes, at, to);
    return to;
  }

  #complete(bytes: Buffer, at: number, to: number): void {
    let line = bytes.toString('latin1', at, to);
    if (!this.isEmpty) {
      line = this.#held.all().toString('latin1') + line;
      this.#held = new HeldBytes();
    }
    if (line.endsWith('\r\n')) this.taken = line.slice(0, -2);
    else this.isFaulty = true;
  }
}
