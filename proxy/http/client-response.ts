/** The response to a request on a client's connection, written without a stream in between (RFC 9112 sections 6 and 7). */
import type { Socket } from 'node:net';
import { send } from '../net/direct-io.js';
import type { Claim } from '../net/memory-budget.js';
import type { ResponseEvents, ResponseHead, ResponseWriter } from './client-side.js';
import { hasField, isNamed, listMembers } from './fields.js';
import { phraseOf } from './phrases.js';
import type { RequestHead } from './request-head.js';

/** Between two requests of a persistent connection. */
export const KEEP_ALIVE_MS = 60_000;
/** As Node's server writes it: the client knows how long the connection stays open. */
const STAYS = `Connection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_MS / 1000}\r\n`;
/** Content up to this size waits for what follows: small answers leave in one write. */
const SMALL_BYTES = 16 * 1024;
const LINE_END = '\r\n';
const NOTHING = Buffer.alloc(0);

/** Claims memory for what a slow reader makes the proxy hold. */
export type NewClaim = (refuse: () => void) => Claim;

/** Whoever waits for the end of a response. */
export interface ResponseOwner {
  onOver(): void;
}

export class ClientResponse implements ResponseWriter {
  /** What is answered. */
  readonly request: RequestHead;
  /** The head of the final response has been passed to this writer. */
  isHeadSent = false;
  /** The connection ends with this response. */
  isLast: boolean;
  /** When the last octets were written, by performance.now(). */
  lastWriteAt = 0;
  /** It was cut for lack of memory for what its client sent or did not read: the client did not go away. */
  isForMemory = false;
  readonly #socket: Socket;
  /** The head, until it leaves. */
  #head = '';
  /** Small content that waits with the head, framed. */
  #waiting: Buffer = NOTHING;
  #isChunked = false;
  #isBodiless = false;
  #isEnded = false;
  #isOver = false;
  #events: ResponseEvents | null = null;
  #newClaim: NewClaim | null = null;
  #claim: Claim | null = null;
  #waiter: { abort(): void } | null = null;
  #owner: ResponseOwner | null = null;

  /** `mayPersist` false: the connection ends with this response. */
  constructor(socket: Socket, request: RequestHead, mayPersist: boolean) {
    this.#socket = socket;
    this.request = request;
    const { connection } = request.noted;
    this.isLast = !mayPersist || (connection === null ? request.httpVersion === '1.0' : endsAfter(request, connection));
  }

  /** Called once the last byte has left, or never will: at once if that is so already. */
  whenOver(owner: ResponseOwner): void {
    if (this.#isOver || this.#socket.destroyed) owner.onOver();
    else this.#owner = owner;
  }

  /** Before the first byte of content. */
  claimWith(newClaim: NewClaim): this {
    this.#newClaim = newClaim;
    return this;
  }

  /** Called at once if it is lost already; never once the response is over. */
  whenLost(waiter: { abort(): void }): void {
    if (this.#socket.destroyed) waiter.abort();
    else this.#waiter = waiter;
  }

  interim({ status, phrase, fields }: ResponseHead): void {
    const isTimely = !this.isHeadSent && this.#socket.writableLength === 0;
    if (this.request.httpVersion !== '1.1' || !isTimely || this.#socket.destroyed) return;
    const text = `HTTP/1.1 ${status} ${phrase || phraseOf(status)}\r\n${fieldLines(fields)}\r\n`;
    this.#send(Buffer.from(text, 'latin1'));
  }

  head({ status, phrase, fields }: ResponseHead, isLast: boolean): void {
    const { method, httpVersion } = this.request;
    const isCurrent = httpVersion === '1.1';
    const hasLength = hasField(fields, 'content-length');
    this.isHeadSent = true;
    this.#isBodiless = method === 'HEAD' || status === 204 || status === 304;
    this.#isChunked = isCurrent && !hasLength && !this.#isBodiless;
    // For an HTTP/1.0 client, content without a length ends with the connection.
    this.isLast ||= isLast || (!isCurrent && !hasLength);
    // Only chunked content has trailers, so they are announced only with it.
    let text = `HTTP/1.1 ${status} ${phrase}\r\n${fieldLines(isCurrent ? fields : withoutTrailer(fields))}`;
    text += this.isLast ? 'Connection: close\r\n' : STAYS;
    if (this.#isChunked) text += 'Transfer-Encoding: chunked\r\n';
    this.#head = `${text}\r\n`;
  }

  flush(): boolean {
    const waiting = this.#take(NOTHING, '');
    return waiting.length === 0 ? this.#socket.writableLength === 0 : this.#send(waiting);
  }

  write(bytes: Buffer): boolean {
    if (this.#isBodiless) return true;
    if (this.#head === '' && this.#waiting.length === 0 && !this.#isChunked) return this.#send(bytes);
    this.#waiting = this.#isChunked
      ? this.#take(bytes, `${bytes.length.toString(16)}\r\n`, LINE_END)
      : this.#take(bytes, '');
    return this.#waiting.length <= SMALL_BYTES || this.flush();
  }

  end(trailers: readonly string[]): void {
    this.#isEnded = true;
    if (this.#isChunked) this.#waiting = this.#take(NOTHING, `0\r\n${fieldLines(trailers)}\r\n`);
    if (this.flush()) this.#finish();
  }

  /** All at once, with a length of its own among the fields. */
  answer(head: ResponseHead, isLast: boolean, content: Buffer): void {
    this.head(head, isLast);
    if (content.length > 0) this.write(content);
    this.end([]);
  }

  listen(events: ResponseEvents | null): void {
    this.#events = events;
    if (this.#socket.destroyed && !this.#isOver) events?.onClientLost();
  }

  cutForMemory(): void {
    this.isForMemory = true;
    this.destroy();
  }

  /** Cuts the connection, so that the client sees that the content is incomplete. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** The connection is gone. */
  lost(): void {
    if (this.#isOver) return;
    this.#events?.onClientLost();
    this.#waiter?.abort();
    this.#finish();
  }

  /** What waits, followed by `before`, `bytes` and `behind`, in one piece; then nothing waits. The texts are latin1. */
  #take(bytes: Buffer, before: string, behind = ''): Buffer {
    const waiting = this.#waiting;
    const text = this.#head + before;
    const length = waiting.length + text.length + bytes.length + behind.length;
    this.#waiting = NOTHING;
    this.#head = '';
    if (length === waiting.length) return waiting;
    const all = Buffer.allocUnsafe(length);
    let at = waiting.length === 0 ? 0 : waiting.copy(all);
    at += all.write(text, at, 'latin1');
    at += bytes.copy(all, at);
    if (behind !== '') all.write(behind, at, 'latin1');
    return all;
  }

  #send(bytes: Buffer): boolean {
    if (this.#socket.destroyed) return true;
    this.lastWriteAt = performance.now();
    if (send(this.#socket, bytes, this)) return true;
    this.#claim ??= this.#newClaim?.(() => this.cutForMemory()) ?? null;
    this.#claim?.hold(this.#socket.writableLength);
    return false;
  }

  /** What was queued has been written. */
  onGone(): void {
    this.lastWriteAt = performance.now();
    if (this.#socket.writableLength > 0 || this.#isOver || this.#socket.destroyed) return;
    this.#claim?.hold(0);
    if (this.#isEnded) this.#finish();
    else this.#events?.onClientDrain();
  }

  #finish(): void {
    this.#isOver = true;
    this.#claim?.hold(0);
    this.#waiter = null;
    this.#owner?.onOver();
  }
}

/** RFC 9112 section 9.3. `connection`: the Connection field. */
function endsAfter({ httpVersion }: RequestHead, connection: string): boolean {
  const options = listMembers(connection);
  return options.includes('close') || (httpVersion === '1.0' && !options.includes('keep-alive'));
}

/** `fields`: name, value, name, value. */
export function fieldLines(fields: readonly string[]): string {
  let text = '';
  for (let i = 0; i + 1 < fields.length; i += 2) text += `${fields[i] ?? ''}: ${fields[i + 1] ?? ''}\r\n`;
  return text;
}

function withoutTrailer(fields: readonly string[]): readonly string[] {
  return fields.filter((_, i) => !isNamed(fields[i - (i % 2)] ?? '', 'trailer'));
}
