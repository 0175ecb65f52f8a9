/** A request on a client's connection: its head, and its content as it arrives. */
import type { Socket } from 'node:net';
import type { Reason } from '../core/reasons.js';
import { HeldBytes } from '../net/held-bytes.js';
import type { ContentSink, ContentSource } from './client-side.js';
import type { RequestHead } from './request-head.js';

export interface ClientRequest extends RequestHead {
  /** The connection. */
  readonly socket: Socket;
  /** Null if the head announces none. */
  readonly content: ClientContent | null;
}

/** How much is read before there is a reader. Not zero: a lost client is noticed only by reading. */
const HELD_BYTES = 16 * 1024;

export class ClientContent implements ContentSource {
  readonly length: number | null;
  /** Goes on reading when the reader of the content can take more. */
  readonly #socket: Socket;
  #sink: ContentSink | null = null;
  #held: HeldBytes | null = null;
  #trailers: readonly string[] | null = null;
  #fault: Reason | null = null;
  /** Nothing more is reported to the sink. */
  #isOver = false;

  constructor(head: RequestHead, socket: Socket) {
    const length = head.noted['content-length'];
    this.length = length === null ? null : Number(length);
    this.#socket = socket;
  }

  /** Octets that wait for a reader. */
  get held(): number {
    return this.#held?.length ?? 0;
  }

  flowTo(sink: ContentSink): void {
    const held = this.#held;
    this.#sink = sink;
    this.#held = null;
    const goesOn = held === null || sink.data(held.all());
    this.#tellEnd();
    if (goesOn) this.#socket.resume();
  }

  resume(): void {
    this.#socket.resume();
  }

  discard(): void {
    this.#isOver = true;
    this.#sink = null;
    this.#held = null;
    this.#socket.resume();
  }

  /** The next octets; valid until it returns. False: no more until they are wanted. */
  push(part: Buffer): boolean {
    if (this.#isOver) return true;
    if (this.#sink !== null) return this.#sink.data(part);
    this.#held ??= new HeldBytes();
    this.#held.push(part);
    return this.#held.length < HELD_BYTES;
  }

  finish(trailers: readonly string[]): void {
    this.#trailers = trailers;
    this.#tellEnd();
  }

  /** The client has broken the protocol, or is gone. Without effect once the content is whole. */
  fail(reason: Reason): void {
    this.#fault ??= reason;
    this.#tellEnd();
  }

  #tellEnd(): void {
    const sink = this.#sink;
    if (this.#isOver || sink === null || (this.#trailers === null && this.#fault === null)) return;
    this.#isOver = true;
    if (this.#trailers !== null) sink.end(this.#trailers);
    else if (this.#fault !== null) sink.fail(this.#fault);
  }
}
