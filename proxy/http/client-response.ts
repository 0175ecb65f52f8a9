/** The response to a request on a client's connection, written without a stream in between (RFC 9112 sections 6 and 7). */
import type { Socket } from 'node:net';
import type { Waiter } from '../door/admit.js';
import { Abort } from '../net/abort.js';
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

/** Whoever answers for what the proxy holds for a slow reader. */
export interface Claimant {
  claimUnread(refuse: () => void): Claim;
}

/** Whoever waits for the end of a response. */
export interface ResponseOwner {
  /** The last byte has left, or never will. */
  onOver(): void;
}

/** Also what waits for a decision about the request, on behalf of the client that waits for the response. */
export class ClientResponse implements ResponseWriter, Waiter {
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
  /** True once the last byte has left, or never will. */
  isOver = false;
  /** Is told so, if it is set before. */
  owner: ResponseOwner | null = null;
  /** To be set before the first byte of content. */
  claimant: Claimant | null = null;
  events: ResponseEvents | null = null;
  readonly socket: Socket;
  /** The head, until it leaves. */
  #head = '';
  /** Small content that waits with the head, framed. */
  #waiting: Buffer = NOTHING;
  #isChunked = false;
  #isBodiless = false;
  #isEnded = false;
  #claim: Claim | null = null;
  /** Made only for what waits. */
  #lost: Abort | null = null;
  #unread: Abort | null = null;
  #isUnread = false;

  /** `mayPersist` false: the connection ends with this response. */
  constructor(socket: Socket, request: RequestHead, mayPersist: boolean) {
    this.socket = socket;
    this.request = request;
    const { connection } = request.noted;
    this.isLast = !mayPersist || (connection === null ? request.httpVersion === '1.0' : endsAfter(request, connection));
  }

  /** Aborts when the client is lost before the response is over. */
  get lost(): Abort {
    this.#lost ??= new Abort();
    if (this.socket.destroyed) this.#lost.abort();
    return this.#lost;
  }

  /** Aborts when the client has sent more than is read while the request waits. */
  get unread(): Abort {
    this.#unread ??= new Abort();
    if (this.#isUnread) this.#unread.abort();
    return this.#unread;
  }

  noteUnread(): void {
    this.#isUnread = true;
    this.#unread?.abort();
  }

  interim({ status, phrase, fields }: ResponseHead): void {
    const isTimely = !this.isHeadSent && this.socket.writableLength === 0;
    if (this.request.httpVersion !== '1.1' || !isTimely || this.socket.destroyed) return;
    const text = `HTTP/1.1 ${status} ${phrase || phraseOf(status)}\r\n${fieldLines(fields)}\r\n`;
    this.#send(Buffer.from(text, 'latin1'));
  }

  head({ status, phrase, fields, hasLength: known }: ResponseHead, isLast: boolean): void {
    const { method, httpVersion } = this.request;
    const isCurrent = httpVersion === '1.1';
    const hasLength = known ?? hasField(fields, 'content-length');
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
    return waiting.length === 0 ? this.socket.writableLength === 0 : this.#send(waiting);
  }

  write(bytes: Buffer): boolean {
    if (this.#isBodiless) return true;
    if (this.#head === '' && this.#waiting.length === 0 && !this.#isChunked) return this.#send(bytes);
    this.#waiting = this.#isChunked
      ? this.#take(bytes, `${bytes.length.toString(16)}\r\n`, LINE_END)
      : this.#take(bytes, '');
    return this.#waiting.length <= SMALL_BYTES || this.flush();
  }

  end(bytes: Buffer, trailers: readonly string[]): void {
    const content = this.#isBodiless ? NOTHING : bytes;
    this.#isEnded = true;
    const [before, behind] = this.#isChunked ? lastChunks(content.length, trailers) : ['', ''];
    const last = this.#take(content, before, behind);
    if (last.length === 0 ? this.socket.writableLength === 0 : this.#send(last)) this.#finish();
  }

  /** All at once, with a length of its own among the fields. */
  answer(head: ResponseHead, isLast: boolean, content: Buffer): void {
    this.head(head, isLast);
    this.end(content, []);
  }

  cutForMemory(): void {
    this.isForMemory = true;
    this.destroy();
  }

  /** Cuts the connection, so that the client sees that the content is incomplete. */
  destroy(): void {
    this.socket.destroy();
  }

  /** The connection is gone. */
  onLost(): void {
    if (this.isOver) return;
    this.events?.onClientLost();
    this.#lost?.abort();
    this.#finish();
  }

  /** What waits, followed by `before`, `bytes` and `behind`, in one piece, `bytes` itself if that is all; then nothing waits. The texts are latin1. */
  #take(bytes: Buffer, before: string, behind = ''): Buffer {
    const waiting = this.#waiting;
    const text = this.#head + before;
    const length = waiting.length + text.length + bytes.length + behind.length;
    this.#waiting = NOTHING;
    this.#head = '';
    if (length === waiting.length) return waiting;
    if (length === bytes.length) return bytes;
    const all = Buffer.allocUnsafe(length);
    let at = waiting.length === 0 ? 0 : waiting.copy(all);
    at += all.write(text, at, 'latin1');
    at += bytes.copy(all, at);
    if (behind !== '') all.write(behind, at, 'latin1');
    return all;
  }

  #send(bytes: Buffer): boolean {
    if (this.socket.destroyed) return true;
    this.lastWriteAt = performance.now();
    if (send(this.socket, bytes, this)) return true;
    this.#claim ??= this.claimant?.claimUnread(() => this.cutForMemory()) ?? null;
    this.#claim?.hold(this.socket.writableLength);
    return false;
  }

  /** What was queued has been written. */
  onGone(): void {
    this.lastWriteAt = performance.now();
    if (this.socket.writableLength > 0 || this.isOver || this.socket.destroyed) return;
    this.#claim?.hold(0);
    if (this.#isEnded) this.#finish();
    else this.events?.onClientDrain();
  }

  #finish(): void {
    this.isOver = true;
    this.#claim?.hold(0);
    this.owner?.onOver();
  }
}

/** What comes before and after the last content of a response in chunks. */
function lastChunks(octets: number, trailers: readonly string[]): readonly [before: string, behind: string] {
  const end = `0\r\n${fieldLines(trailers)}\r\n`;
  return octets === 0 ? [end, ''] : [`${octets.toString(16)}\r\n`, `${LINE_END}${end}`];
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
