/** One request under way: its content as it comes, what was sent after it, and the answer until its last byte has left. */
import type { Socket } from 'node:net';
import { HeldBytes } from '../net/held-bytes.js';
import { type ClientRequest, clientRequest } from './client-request.js';
import { ClientResponse } from './client-response.js';
import { type ContentReader, contentReader } from './content-reader.js';
import type { HeadLimits } from './head-reader.js';
import type { RequestHead } from './request-head.js';

export interface ServedOptions {
  readonly limits: HeadLimits;
  /** Octets of the head. */
  readonly headLength: number;
  readonly mayPersist: () => boolean;
  /** Never rejects; its end is the end of its work, not of what it has written. */
  serve(request: ClientRequest, response: ClientResponse): Promise<void>;
  /** The request is over, answer, content and all. `ahead`: what was sent after it; null: the connection has to end. */
  onDone(ahead: Buffer | null): void;
  /** The rest of the content is read only to be dropped. */
  onDropping(): void;
}

/** How much one read takes in: of what follows the request, of its content. */
export const AHEAD_PIECE = 16 * 1024;
const CONTENT_PIECE = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export class ServedRequest {
  readonly #socket: Socket;
  readonly #options: ServedOptions;
  readonly #request: ClientRequest;
  readonly #response: ClientResponse;
  /** Null once the content is whole. */
  #content: ContentReader | null;
  #ahead: HeldBytes | null = null;
  #isAnswered = false;
  /** Where the next request begins, nobody knows. */
  #isBroken = false;

  constructor(socket: Socket, head: RequestHead, options: ServedOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#content = contentReader(head, options.limits);
    this.#request = clientRequest(socket, head, () => void socket.resume());
    if (this.#content === null) this.#request.content?.finish([]);
    this.#response = new ClientResponse(socket, head, options.mayPersist());
  }

  /** Resolves when the answer has left, or never will. */
  async run(): Promise<void> {
    await this.#options.serve(this.#request, this.#response);
    await this.#response.over();
    this.#isAnswered = true;
    if (this.#socket.destroyed) return;
    const isLast = this.#response.isLast || this.#isBroken || !this.#options.mayPersist();
    if (isLast) return this.#options.onDone(null);
    if (this.#content === null) return this.#done(NOTHING);
    // The answer came before the content was whole.
    this.#options.onDropping();
    this.#request.content?.discard();
  }

  /** Octets that are held for it. Text takes twice its octets while it is read. */
  get held(): number {
    return 2 * this.#options.headLength + (this.#ahead?.length ?? 0) + (this.#request.content?.held ?? 0);
  }

  /** The head of the final response is out. */
  get isAnswering(): boolean {
    return this.#response.isHeadSent;
  }

  /** Of the last octets of the answer, in the time of performance.now(). */
  get lastWriteAt(): number {
    return this.#response.lastWriteAt;
  }

  get piece(): number {
    return this.#content === null ? AHEAD_PIECE : CONTENT_PIECE;
  }

  /** False while the client may still send content of it. */
  get isRead(): boolean {
    return this.#content === null && this.#ahead === null;
  }

  /** The next bytes of the connection. False: no more until there is room for them. */
  take(bytes: Buffer): boolean {
    const goOn = this.#take(bytes);
    if (!goOn) this.#request.unread.abort();
    return goOn;
  }

  #take(bytes: Buffer): boolean {
    if (this.#isBroken) return true;
    if (this.#content !== null) return this.#takeContent(this.#content, bytes);
    this.#ahead ??= new HeldBytes();
    this.#ahead.push(bytes);
    // Not at once: a client that is lost is noticed only by reading.
    return this.#ahead.length < AHEAD_PIECE;
  }

  /** The client has ended its side. False: in the midst of the request. */
  onEnd(): boolean {
    return this.#content === null || this.#isBroken;
  }

  /** Ends in `busy`. */
  cutForMemory(): void {
    this.#response.cutForMemory();
  }

  onLost(): void {
    this.#request.content?.fail('client-closed');
    this.#response.lost();
  }

  #takeContent(content: ContentReader, bytes: Buffer): boolean {
    const taker = this.#request.content;
    let goOn = true;
    const reading = content.push(bytes, (part) => {
      goOn = taker?.push(part) ?? true;
    });
    if (reading.kind === 'need-more') return goOn;
    if (reading.kind === 'fault') {
      this.#isBroken = true;
      taker?.fail('malformed-request');
      if (this.#isAnswered) this.#options.onDone(null);
      return true;
    }
    this.#content = null;
    taker?.finish(reading.trailers);
    const rest = bytes.subarray(reading.taken);
    if (this.#isAnswered) this.#done(rest);
    return this.#isAnswered || rest.length === 0 || this.#take(rest);
  }

  #done(rest: Buffer): void {
    this.#options.onDone(this.#ahead?.all() ?? rest);
  }
}
