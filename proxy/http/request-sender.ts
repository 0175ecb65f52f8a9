/** A request on its way to an origin: the head at once, the content as it arrives from the client. */
import type { Reason } from '../core/reasons.js';
import type { ContentSink, ContentSource } from './client-side.js';
import { isNamed, mayBeTrailer } from './fields.js';
import type { UpstreamConnection } from './upstream-connection.js';

export interface ExchangeRequest {
  readonly method: string;
  /** The request-target in origin-form, or `*`. */
  readonly path: string;
  /** End-to-end, flat, with Host and Via; they include the Content-Length if there is one. */
  readonly fields: readonly string[];
  /** Null if there is none. */
  readonly content: ContentSource | null;
  /** The protocols of an Upgrade field, or null. */
  readonly upgrade: string | null;
  /** The client waits for `100 Continue` (RFC 9110 section 10.1.1), which is left to the origin. */
  expectsContinue: boolean;
}

export interface SenderEvents {
  /** Some of the content has been passed on. */
  onProgress(): void;
  /** All of the request is sent. */
  onSent(): void;
  /** The content breaks off. */
  onFault(reason: Reason): void;
}

export class RequestSender implements ContentSink {
  readonly #connection: UpstreamConnection;
  readonly #request: ExchangeRequest;
  readonly #events: SenderEvents;
  readonly #isChunked: boolean;
  #state: 'sending' | 'sent' | 'stopped' = 'sending';

  constructor(connection: UpstreamConnection, request: ExchangeRequest, events: SenderEvents) {
    this.#connection = connection;
    this.#request = request;
    this.#events = events;
    this.#isChunked = request.content !== null && request.content.length === null;
  }

  /** Nothing more will be sent. */
  get isDone(): boolean {
    return this.#state !== 'sending';
  }

  /** All of the request was sent. */
  get isWhole(): boolean {
    return this.#state === 'sent';
  }

  get hasContent(): boolean {
    return this.#request.content !== null;
  }

  start(): void {
    const { content } = this.#request;
    this.#connection.write(headText(this.#request, this.#isChunked));
    if (content === null) this.#state = 'sent';
    else content.flowTo(this);
  }

  /** The origin takes no more, or no longer has to: what the client still sends is dropped. */
  stop(): void {
    if (this.#state !== 'sending') return;
    this.#state = 'stopped';
    this.#request.content?.discard();
  }

  onDrain(): void {
    if (this.#state === 'sending') this.#request.content?.resume();
  }

  data(bytes: Buffer): boolean {
    this.#events.onProgress();
    return this.#connection.write(this.#isChunked ? chunk(bytes) : bytes);
  }

  end(trailers: readonly string[]): void {
    if (this.#state !== 'sending') return;
    this.#state = 'sent';
    if (this.#isChunked) this.#connection.write(`0\r\n${trailerText(trailers)}\r\n`);
    this.#events.onSent();
  }

  fail(reason: Reason): void {
    if (this.#state === 'sending') this.#events.onFault(reason);
  }
}

function headText({ method, path, fields, upgrade, expectsContinue }: ExchangeRequest, isChunked: boolean): string {
  let text = `${method} ${path} HTTP/1.1\r\n`;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    // Only chunked content has trailers (RFC 9112 section 7.1.2).
    const name = fields[i] ?? '';
    if (isChunked || !isNamed(name, 'trailer')) text += `${name}: ${fields[i + 1] ?? ''}\r\n`;
  }
  if (isChunked) text += 'Transfer-Encoding: chunked\r\n';
  if (expectsContinue) text += 'Expect: 100-continue\r\n';
  // HTTP/1.0 servers keep a connection only if asked to.
  text += upgrade === null ? 'Connection: keep-alive\r\n' : `Connection: upgrade\r\nUpgrade: ${upgrade}\r\n`;
  return `${text}\r\n`;
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
