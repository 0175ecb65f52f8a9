/**
 * One connection of a client to an HTTP door: reads a head, has it served, and reads the next one only when the last
 * byte of the answer has left. So a connection never has more than one request waiting, and whoever does not read
 * answers gets no more of them; what it sends meanwhile waits in its own kernel.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { EgressError } from '../core/reasons.js';
import type { DirectReads } from '../net/direct-io.js';
import { HeldBytes } from '../net/held-bytes.js';
import { ClientRequest } from './client-request.js';
import { closeResponse, expectsContinue, KEEP_ALIVE_MS, openResponse, sent } from './client-response.js';
import { type ContentReader, contentReader } from './content-reader.js';
import { type Early, keepEarly } from './early-data.js';
import { type HeadLimits, HeadReader, type HeadReading } from './head-reader.js';
import { closeAfter } from './refusal.js';
import { framingFault, type RequestHead } from './request-head.js';
import { carriesUpgrade } from './upgrade.js';

export type HeadFault = Extract<HeadReading, { kind: 'fault' }>['reason'] | 'header-timeout';

export interface ConnectionOptions {
  readonly reads: DirectReads;
  /** Asked for every head. */
  readonly limits: () => HeadLimits & { readonly headerTimeoutMs: number; readonly idleTimeoutMs: number };
  /** True while a connection may stay open for another request. */
  readonly mayPersist: () => boolean;
  /** Counts a request until its answer has left. */
  track(socket: Socket, work: Promise<void>): void;
  serve(request: ClientRequest, response: ServerResponse, expectsContinue: boolean): Promise<void>;
  /** Takes the connection over, as `upgrade` does. */
  connect(head: RequestHead, socket: Socket, early: Early): void;
  upgrade(request: ClientRequest, socket: Socket, early: Early): void;
  /** The head is not one, too large or too late: answers and closes. What the client still sends is dropped. */
  refuse(reason: HeadFault, socket: Socket): void;
}

/** Longer than the upstream's idle time-out, which has the better answer. */
const GRACE_MS = 5000;
/** How much one read takes in: of a head, of content. */
const HEAD_PIECE = 16 * 1024;
const CONTENT_PIECE = 64 * 1024;
const NOTHING = Buffer.alloc(0);

type Phase = 'head' | 'content' | 'answer' | 'left';

export class ClientConnection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  #phase: Phase = 'head';
  /** Null until something of a head has come: the limits are those of that moment. */
  #head: HeadReader | null = null;
  #content: ContentReader | null = null;
  #request: ClientRequest | null = null;
  #response: ServerResponse | null = null;
  /** What came with or after a request that is still being answered: one piece, or a few small ones. */
  #ahead: HeldBytes | null = null;
  #deadline: NodeJS.Timeout;
  #isFirst = true;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#deadline = setTimeout(this.#onLate, options.limits().headerTimeoutMs);
    socket.on('close', this.#onClose).on('end', this.#onEnd).on('drain', this.#onDrain).on('timeout', this.#onIdle);
    options.reads.read(socket, this.#take, this.#piece);
  }

  /** True while no request of it is under way. */
  get isWaiting(): boolean {
    return this.#phase === 'head';
  }

  /** Nothing of the next head has come. */
  get #isSilent(): boolean {
    return this.#head === null || this.#head.isEmpty;
  }

  readonly #piece = (): number => (this.#phase === 'content' ? CONTENT_PIECE : HEAD_PIECE);

  /** The next bytes of the connection. False: no more until there is room for them. */
  readonly #take = (bytes: Buffer): boolean => {
    if (this.#phase === 'head') return this.#takeHead(bytes);
    if (this.#phase === 'content') return this.#takeContent(bytes);
    if (this.#phase === 'left') return true;
    this.#ahead ??= new HeldBytes();
    this.#ahead.push(Buffer.from(bytes));
    // Not at once: a client that is lost is noticed only by reading.
    return this.#ahead.length < HEAD_PIECE;
  };

  #takeHead(bytes: Buffer): boolean {
    const isBegin = this.#isSilent;
    this.#head ??= new HeadReader(this.#options.limits());
    const reading = this.#head.push(bytes);
    if (reading.kind === 'fault') return this.#fail(reading.reason);
    if (reading.kind === 'head') return this.#begin(reading.head, bytes.subarray(reading.taken));
    if (isBegin && !this.#isFirst && !this.#isSilent) this.#setDeadline(this.#options.limits().headerTimeoutMs);
    return true;
  }

  #begin(head: RequestHead, rest: Buffer): boolean {
    const { connect, upgrade, reads } = this.#options;
    clearTimeout(this.#deadline);
    this.#isFirst = false;
    this.#head = null;
    if (head.method === 'CONNECT') {
      this.#leave();
      connect(head, this.#socket, keepEarly(this.#socket, reads, Buffer.from(rest)));
      return true;
    }
    if (framingFault(head) !== null) return this.#fail('malformed-request');
    if (carriesUpgrade(head)) {
      this.#leave();
      const request = new ClientRequest(this.#socket, head).finish([]);
      upgrade(request, this.#socket, keepEarly(this.#socket, reads, Buffer.from(rest)));
      return true;
    }
    this.#serve(head);
    return rest.length === 0 || this.#take(rest);
  }

  #serve(head: RequestHead): void {
    const { limits, track, serve } = this.#options;
    const socket = this.#socket;
    const { idleTimeoutMs } = limits();
    if (socket.timeout !== idleTimeoutMs + GRACE_MS) socket.setTimeout(idleTimeoutMs + GRACE_MS);
    const request = new ClientRequest(socket, head, () => void socket.resume());
    const response = openResponse(request, this.#options.mayPersist);
    this.#content = contentReader(head, limits());
    this.#phase = this.#content === null ? 'answer' : 'content';
    this.#request = request;
    this.#response = response;
    if (this.#content === null) request.finish([]);
    const answered = serve(request, response, expectsContinue(request)).then(() => sent(response));
    const done = answered.then(() => this.#answered(request, response));
    track(socket, done);
  }

  #takeContent(bytes: Buffer): boolean {
    const request = this.#request;
    let goOn = true;
    const reading = this.#content?.push(bytes, (part) => {
      if (request?.destroyed === false) goOn = request.push(Buffer.from(part)) && goOn;
    });
    if (reading === undefined || reading.kind === 'need-more') return goOn;
    this.#content = null;
    if (reading.kind === 'fault') {
      // Where the next request begins, nobody knows.
      this.#phase = 'left';
      request?.destroy(new EgressError('malformed-request'));
      if (this.#response === null) this.#close();
      return true;
    }
    request?.finish(reading.trailers);
    this.#phase = 'answer';
    const rest = bytes.subarray(reading.taken);
    if (this.#response === null) return this.#next(rest);
    return rest.length === 0 || this.#take(rest);
  }

  /** The last byte of the answer has left, or the connection is lost. */
  #answered(request: ClientRequest, response: ServerResponse): void {
    const socket = this.#socket;
    this.#response = null;
    if (socket.destroyed) return;
    const isLast = closeResponse(response) || this.#phase === 'left' || !this.#options.mayPersist();
    if (isLast) {
      this.#close();
    } else if (this.#phase === 'content') {
      // An answer that came before the content was whole: the rest is read and dropped.
      request.destroy();
      this.#setDeadline(KEEP_ALIVE_MS);
      socket.resume();
    } else {
      const ahead = this.#ahead?.all() ?? NOTHING;
      this.#ahead = null;
      if (this.#next(ahead)) socket.resume();
    }
  }

  #close(): void {
    const isClean = this.#phase === 'answer' && this.#ahead === null;
    this.#leave();
    if (!isClean) this.#options.reads.read(this.#socket, () => true);
    if (isClean) this.#socket.destroySoon();
    else closeAfter(this.#socket, NOTHING);
  }

  /** Waits for the next head, which may begin with `ahead`. */
  #next(ahead: Buffer): boolean {
    this.#request = null;
    this.#phase = 'head';
    this.#setDeadline(KEEP_ALIVE_MS);
    if (ahead.length > 0) return this.#take(ahead);
    if (this.#socket.readableEnded) this.#socket.destroySoon();
    return true;
  }

  #fail(reason: HeadFault): true {
    this.#leave();
    this.#options.reads.read(this.#socket, () => true);
    this.#options.refuse(reason, this.#socket);
    return true;
  }

  /** From here on the connection is somebody else's. */
  #leave(): void {
    this.#phase = 'left';
    clearTimeout(this.#deadline);
    this.#ahead = null;
    this.#socket.off('close', this.#onClose).off('end', this.#onEnd).off('drain', this.#onDrain);
    this.#socket.off('timeout', this.#onIdle).setTimeout(0);
  }

  #setDeadline(ms: number): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(this.#onLate, ms);
  }

  /** One that has said nothing asks for nothing, and gets nothing. */
  readonly #onLate = (): void => {
    if (this.#isSilent) this.#socket.destroy();
    else this.#fail('header-timeout');
  };

  readonly #onEnd = (): void => {
    if (this.#phase === 'content') this.#socket.destroy();
    else if (this.#phase === 'head' && this.#isSilent) this.#socket.destroy();
    else if (this.#phase === 'head') this.#fail('malformed-request');
    // On the wire nothing tells a client that has gone from one that has ended its side (RFC 9112 section 9.6): silence
    // does. An idle stream of events would go on upstream until its next event.
    else this.#socket.setTimeout(this.#options.limits().headerTimeoutMs);
  };

  readonly #onClose = (): void => {
    clearTimeout(this.#deadline);
    this.#request?.destroy(new EgressError('client-closed'));
  };

  readonly #onDrain = (): void => void this.#response?.emit('drain');
  readonly #onIdle = (): void => void (this.#phase === 'head' || this.#socket.destroy());
}
