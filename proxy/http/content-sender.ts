/** The content of a request on its way to an origin, as it arrives from the client. */
import type { Reason } from '../core/reasons.js';
import type { ContentSink, ContentSource } from './client-side.js';
import { mayBeTrailer } from './passed-on.js';
import type { UpstreamConnection } from './upstream-connection.js';

/** The exchange that the content belongs to. */
export interface ContentEvents {
  /** Some of the content is passed on. */
  wait(): void;
  /** All of the content is sent. */
  endWhereDone(): void;
  /** The content breaks off. */
  fail(reason: Reason): void;
}

export class ContentSender implements ContentSink {
  state: 'sending' | 'sent' | 'stopped' = 'sending';
  readonly #connection: UpstreamConnection;
  readonly #content: ContentSource;
  readonly #events: ContentEvents;
  readonly #isChunked: boolean;

  constructor(connection: UpstreamConnection, content: ContentSource, events: ContentEvents) {
    this.#connection = connection;
    this.#content = content;
    this.#events = events;
    this.#isChunked = content.length === null;
  }

  start(): void {
    this.#content.flowTo(this);
  }

  /** The origin takes no more, or no longer has to: what the client still sends is dropped. */
  stop(): void {
    if (this.state !== 'sending') return;
    this.state = 'stopped';
    this.#content.discard();
  }

  onDrain(): void {
    if (this.state === 'sending') this.#content.resume();
  }

  data(bytes: Buffer): boolean {
    this.#events.wait();
    return this.#connection.write(this.#isChunked ? chunk(bytes) : bytes);
  }

  end(trailers: readonly string[]): void {
    if (this.state !== 'sending') return;
    this.state = 'sent';
    if (this.#isChunked) this.#connection.write(`0\r\n${trailerText(trailers)}\r\n`);
    this.#events.endWhereDone();
  }

  fail(reason: Reason): void {
    if (this.state === 'sending') this.#events.fail(reason);
  }
}

function chunk(bytes: Buffer): Buffer {
  const size = `${bytes.length.toString(16)}\r\n`;
  const framed = Buffer.allocUnsafe(size.length + bytes.length + 2);
  framed.write(size, 0, 'latin1');
  bytes.copy(framed, size.length);
  framed.write('\r\n', size.length + bytes.length, 'latin1');
  return framed;
}

/** RFC 9110 section 6.5.1: never what frames, routes or authenticates. */
function trailerText(trailers: readonly string[]): string {
  let text = '';
  for (let i = 0; i + 1 < trailers.length; i += 2) {
    if (mayBeTrailer(trailers[i] ?? '')) text += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
  }
  return text;
}
