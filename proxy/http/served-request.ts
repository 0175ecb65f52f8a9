/** One request under way: its content as it arrives, what was sent after it, and the answer until its last byte has left. */
import type { Socket } from 'node:net';
import type { Work } from '../door/running.js';
import { READ_BYTES, type ReadSize } from '../net/direct-io.js';
import { HeldBytes } from '../net/held-bytes.js';
import type { ForwardOwner } from './asked.js';
import { ClientContent, type ClientRequest } from './client-request.js';
import { ClientResponse, type ResponseOwner } from './client-response.js';
import type { ConnectionOptions } from './connection-options.js';
import { type ContentReader, contentReader } from './content-reader.js';
import type { HeadLimits, WholeHead } from './head-lines.js';
import type { NotedFields } from './request-head.js';

/** The connection that it came over. */
export interface ServedOwner {
  readonly socket: Socket;
  /** The connection is over a limit. */
  readonly isBusy: boolean;
  /** The request is over, both content and answer. `ahead`: what was sent after it; null: the connection has to end. */
  onDone(ahead: Buffer | null): void;
  /** The rest of the content is read only to be dropped. */
  onDropping(): void;
}

type ServedOptions = Pick<ConnectionOptions, 'arrivals' | 'serve'>;

/** The most that is kept of what follows the request. */
const MOST_AHEAD = READ_BYTES.small;
const NOTHING = Buffer.alloc(0);

export class ServedRequest implements ClientRequest, ForwardOwner, ResponseOwner, Work {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly noted: NotedFields;
  readonly content: ClientContent | null;
  readonly socket: Socket;
  readonly isBusy: boolean;
  readonly onUpgraded = null;
  before: Work | null = null;
  behind: Work | null = null;
  readonly #owner: ServedOwner;
  readonly #options: ServedOptions;
  readonly #headLength: number;
  readonly #response: ClientResponse;
  /** How much one read may bring: of what follows the request, or of its content. */
  most: ReadSize;
  /** Null once the content is whole. */
  #reader: ContentReader | null;
  #ahead: HeldBytes | null = null;
  #isStarting = false;
  #isForwarded = false;
  #isAnswered = false;
  /** It is unknown where the next request begins. */
  #isBroken = false;

  constructor(owner: ServedOwner, options: ServedOptions, { head, length }: WholeHead, limits: HeadLimits) {
    const { socket, isBusy } = owner;
    this.method = head.method;
    this.url = head.url;
    this.httpVersion = head.httpVersion;
    this.rawHeaders = head.rawHeaders;
    this.noted = head.noted;
    this.socket = socket;
    this.isBusy = isBusy;
    this.#owner = owner;
    this.#options = options;
    this.#headLength = length;
    this.#reader = head.noted.hasContent ? contentReader(head, limits) : null;
    this.most = this.#reader === null ? 'small' : 'large';
    this.content = head.noted.hasContent ? new ClientContent(head, socket) : null;
    if (this.#reader === null) this.content?.finish([]);
    this.#response = new ClientResponse(socket, head, options.arrivals.running.mayPersist);
  }

  start(): void {
    const { running, onDefect } = this.#options.arrivals;
    running.ordinary.add(this);
    this.#isStarting = true;
    try {
      this.#options.serve(this, this.#response, this);
    } catch (error) {
      onDefect(error);
      this.socket.destroy();
      this.onForwarded();
    }
    this.#isStarting = false;
  }

  onForwarded(): void {
    if (this.#isStarting) {
      // What came with the head is taken first, before the connection moves on.
      queueMicrotask(() => this.onForwarded());
      return;
    }
    if (this.#isForwarded) return;
    this.#isForwarded = true;
    if (this.#response.isOver || this.socket.destroyed) this.onOver();
    else this.#response.owner = this;
  }

  /** The answer has left, or never will. */
  onOver(): void {
    const { running } = this.#options.arrivals;
    running.ordinary.leave(this);
    this.#isAnswered = true;
    if (this.socket.destroyed) return;
    const isLast = this.#response.isLast || this.#isBroken || !running.mayPersist;
    if (isLast) this.#owner.onDone(null);
    else if (this.#reader === null) this.#owner.onDone(this.#ahead?.all() ?? NOTHING);
    else {
      // The answer came before the content was complete.
      this.#owner.onDropping();
      this.content?.discard();
    }
  }

  /** Octets that are held for it. Text takes twice as many while it is read. */
  get held(): number {
    return 2 * this.#headLength + (this.#ahead?.length ?? 0) + (this.content?.held ?? 0);
  }

  /** The head of the final response is out. */
  get isAnswering(): boolean {
    return this.#response.isHeadSent;
  }

  /** When the last octets of the answer were written, by performance.now(). */
  get lastWriteAt(): number {
    return this.#response.lastWriteAt;
  }

  /** False while the client may still send content of it. */
  get isRead(): boolean {
    return this.#reader === null && this.#ahead === null;
  }

  /** The next bytes of the connection. False: no more until there is room for them. */
  take(bytes: Buffer): boolean {
    const goOn = this.#take(bytes);
    if (!goOn) this.#response.noteUnread();
    return goOn;
  }

  #take(bytes: Buffer): boolean {
    if (this.#isBroken) return true;
    if (this.#reader !== null) return this.#takeContent(this.#reader, bytes);
    this.#ahead ??= new HeldBytes();
    this.#ahead.push(bytes);
    // It does not stop at once: a lost client is noticed only by reading.
    return this.#ahead.length < MOST_AHEAD;
  }

  /** The client has ended its side. Returns false if that was in the middle of the request. */
  onEnd(): boolean {
    return this.#reader === null || this.#isBroken;
  }

  /** Ends in `busy`. */
  cutForMemory(): void {
    this.#response.cutForMemory();
  }

  onLost(): void {
    this.content?.fail('client-closed');
    this.#response.onLost();
  }

  #takeContent(reader: ContentReader, bytes: Buffer): boolean {
    const taker = this.content;
    let goOn = true;
    const reading = reader.push(bytes, (part) => {
      goOn = taker?.push(part) ?? true;
    });
    if (reading.kind === 'need-more') return goOn;
    if (reading.kind === 'fault') {
      this.#isBroken = true;
      // The failure may be answered, and the request over, before this returns.
      if (this.#isAnswered) this.#owner.onDone(null);
      else taker?.fail('malformed-request');
      return true;
    }
    this.#reader = null;
    this.most = 'small';
    const rest = bytes.subarray(reading.taken);
    if (this.#isAnswered) this.#owner.onDone(rest);
    if (this.#isAnswered) return true;
    // Before the end is reported, which may be the end of the request.
    const hasRoom = rest.length === 0 || this.#take(rest);
    taker?.finish(reading.trailers);
    return this.#isAnswered || hasRoom;
  }
}
