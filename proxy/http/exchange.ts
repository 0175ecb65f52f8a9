/**
 * One request and its response over one connection to an origin. The two directions do not wait for each other: content goes up
 * as it arrives, and the answer goes down as it arrives, whether early, after several interim heads, or never. DECISIONS 36 and 38.
 */
import { EgressError, type Reason } from '../core/reasons.js';
import type { Claim } from '../net/memory-budget.js';
import type { ResponseEvents } from './client-side.js';
import { type ContentEvents, ContentSender } from './content-sender.js';
import type { Exchanged, ExchangeEnd, Exchanging, TimeLimits } from './exchanged.js';
import { type BodyReader, bodyReader } from './message-body.js';
import { finalFields, finalTrailers, requestText, responseFields } from './passed-on.js';
import { type Framing, framingOf, isPersistent, type ReceivedHead } from './response-head.js';
import type { ConnectionUser, UpstreamConnection } from './upstream-connection.js';

/** Never rejects. The caller closes `connection` if it is not to be used again. */
export function exchange(connection: UpstreamConnection, of: Exchanging, limits: TimeLimits): Promise<ExchangeEnd> {
  return new Promise((onExchanged) => new Exchange(connection, { ...of, onExchanged }, limits).start());
}

/** How many interim responses an origin may send before it answers: each is passed on, and none is an answer. */
const MOST_INTERIM = 1000;
const NOTHING = Buffer.alloc(0);

/** One object for both directions and all that can happen: most exchanges are over before anything else does. */
export class Exchange implements ConnectionUser, ContentEvents, ResponseEvents {
  readonly #connection: UpstreamConnection;
  readonly #of: Exchanged;
  readonly #limits: TimeLimits;
  /** Null: the request has no content. */
  readonly #sender: ContentSender | null;
  #headDeadline: NodeJS.Timeout | null = null;
  #claim: Claim | null = null;
  #interim = 0;
  /** Those of the final response, once it has come. */
  #head: ReceivedHead | null = null;
  /** Where its content ends. */
  #framing: Framing | null = null;
  /** Null until content has come that is not whole with its head. */
  #body: BodyReader | null = null;
  /** Octets that came after the response. */
  #surplus = 0;
  /** A byte of a response has come. */
  #hasBegun = false;
  /** The response is complete. */
  #isAnswered = false;
  /** The origin will take another request. */
  #isPersistent = false;
  /** The connection is read on: false while the client reads too slowly. */
  #readsOn = true;
  #isOver = false;

  constructor(connection: UpstreamConnection, of: Exchanged, limits: TimeLimits) {
    const { content } = of.request;
    this.#connection = connection;
    this.#of = of;
    this.#limits = limits;
    this.#sender = content === null ? null : new ContentSender(connection, content, this);
  }

  start(): void {
    this.#connection.deadline.set(this.#limits.answerMs);
    this.#of.writer.events = this;
    this.#connection.serve(this);
    if (this.#isOver) return;
    this.#connection.write(requestText(this.#of.request));
    this.#sender?.start();
  }

  onBytes(bytes: Buffer): boolean {
    if (this.#isOver) return false;
    this.#hasBegun = true;
    const content = this.#framing === null ? this.#takeHeads(bytes) : bytes;
    if (!this.#isOver && this.#framing !== null) this.#takeContent(this.#framing, content);
    if (!this.#isOver) this.wait();
    return this.#readsOn;
  }

  /** Takes interim heads and the final one. Returns what came after them. */
  #takeHeads(bytes: Buffer): Buffer {
    const { heads } = this.#connection;
    let rest = bytes;
    while (rest.length > 0 && this.#framing === null && !this.#isOver) {
      const reading = heads.push(rest);
      if (reading.kind === 'fault') this.fail('upstream-protocol');
      if (reading.kind !== 'head') break;
      rest = rest.subarray(reading.length);
      if (reading.head.status >= 200) this.#takeFinal(reading.head);
      else this.#takeInterim(reading.head, rest);
    }
    if (!this.#isOver && (heads.isWithin || this.#claim !== null)) this.#watchHead();
    return rest;
  }

  /** `rest`: what came after it. */
  #takeInterim(head: ReceivedHead, rest: Buffer): void {
    const { status, phrase } = head;
    const { request, writer } = this.#of;
    if (status === 101 && request.upgrade !== null) this.#upgrade(head, rest);
    else if (status === 101 || this.#interim === MOST_INTERIM) this.fail('upstream-protocol');
    else {
      this.#interim += 1;
      writer.interim({ status, phrase, fields: responseFields(head.fields, head) });
    }
  }

  #takeFinal(head: ReceivedHead): void {
    const { request, writer } = this.#of;
    const framing = framingOf(head, request.method);
    if (framing === null) {
      this.fail('upstream-protocol');
      return;
    }
    const { status, phrase } = head;
    this.#head = head;
    this.#framing = framing;
    this.#isPersistent = isPersistent(head, framing);
    this.#of.onFinal(status);
    // An origin that answers early and closes does not want the rest of the content (RFC 9112 section 9.6).
    const isEarly = this.#sender !== null && this.#sender.state !== 'sent';
    const hasLength = head.noted['content-length'] !== null && status !== 204;
    writer.head({ status, phrase, fields: finalFields(head, framing), hasLength }, isEarly && !this.#isPersistent);
  }

  #takeContent(framing: Framing, bytes: Buffer): void {
    const { writer } = this.#of;
    const octets = this.#body === null && 'octets' in framing ? framing.octets : Number.POSITIVE_INFINITY;
    let hasRoom = true;
    if (this.#isAnswered) this.#surplus += bytes.length;
    else if (octets <= bytes.length) {
      // Most content comes whole with its head, and needs no reader.
      this.#isAnswered = true;
      this.#surplus = bytes.length - octets;
      writer.end(this.#surplus === 0 ? bytes : bytes.subarray(0, octets), []);
    } else {
      this.#body ??= bodyReader(framing);
      const content = this.#body.push(bytes);
      this.#isAnswered = this.#body.state === 'done';
      this.#surplus = this.#body.surplus;
      if (this.#isAnswered) writer.end(content, finalTrailers(this.#body.trailers));
      else hasRoom = (content.length === 0 || writer.write(content)) && writer.flush();
    }
    if (!this.#isOver) this.#readsOn = hasRoom;
    if (this.#body?.state === 'fault') this.fail('upstream-protocol');
    else this.endWhereDone();
  }

  onDrain(): void {
    this.wait();
    this.#sender?.onDrain();
  }

  onEnd(): void {
    if (!this.#isAnswered && this.#framing?.kind === 'until-close') {
      this.#isAnswered = true;
      this.#of.writer.end(NOTHING, []);
    }
    if (this.#isAnswered) this.endWhereDone();
    else this.fail('upstream-reset');
  }

  onWriteFailed(): void {
    this.#sender?.stop();
  }

  onLost(error: Error | null): void {
    // Without an error it has ended properly, and a response that is read until the end is complete.
    if (error === null) this.onEnd();
    else this.fail('upstream-reset', error);
  }

  onClientLost(): void {
    this.fail('client-closed');
  }

  onClientDrain(): void {
    if (this.#readsOn || this.#isOver) return;
    this.#readsOn = true;
    this.wait();
    this.#connection.resume();
  }

  /** A slow reader has its own time-out; while it holds the origin back, the origin does not count as silent. */
  onLate(): void {
    if (this.#readsOn) this.fail('upstream-timeout');
    else this.wait();
  }

  /** Waits for the next octet, in either direction. */
  wait(): void {
    const { idleMs, answerMs } = this.#limits;
    if (!this.#isOver) this.#connection.deadline.set(this.#hasBegun ? idleMs : answerMs);
  }

  #watchHead(): void {
    const { isWithin, held } = this.#connection.heads;
    if (isWithin) this.#claim ??= this.#of.claim(() => this.fail('busy'));
    this.#claim?.hold(held);
    if (this.#isOver) return;
    if (isWithin && this.#headDeadline === null)
      this.#headDeadline = setTimeout(() => this.fail('upstream-timeout'), this.#limits.headMs);
    if (isWithin || this.#headDeadline === null) return;
    clearTimeout(this.#headDeadline);
    this.#headDeadline = null;
  }

  /** The response is complete: the rest of the content is still sent if the origin reads on, and dropped if it does not. */
  endWhereDone(): void {
    const head = this.#head;
    if (!this.#isAnswered || head === null || this.#isOver) return;
    const isReusable = this.#isPersistent && this.#surplus === 0 && this.#connection.isOpen;
    if (this.#sender?.state === 'sending' && isReusable) return;
    this.#sender?.stop();
    // It was paused for a client that needs no more from it.
    if (isReusable && !this.#readsOn) this.#connection.resume();
    this.#stop();
    this.#of.onExchanged({ kind: 'answered', isReusable, head });
    this.#readsOn = isReusable && this.#connection.isOpen;
  }

  #upgrade({ fields }: ReceivedHead, rest: Buffer): void {
    this.#of.onFinal(101);
    this.#stop();
    this.#of.onUpgraded(fields, this.#connection.release(rest));
    this.#of.onExchanged({ kind: 'upgraded' });
  }

  fail(reason: Reason, cause: Error | null = null): void {
    if (this.#isOver) return;
    this.#readsOn = false;
    this.#sender?.stop();
    this.#stop();
    if (this.#isAnswered && this.#head !== null) {
      // The client has its answer: only the rest of the content is lost on the way to the origin.
      this.#of.onExchanged({ kind: 'answered', isReusable: false, head: this.#head });
      return;
    }
    const isUnanswered = !this.#hasBegun && this.#sender === null && reason !== 'client-closed';
    const error = new EgressError(reason, cause === null ? {} : { cause });
    this.#of.onExchanged({ kind: 'failed', error, isUnanswered });
  }

  #stop(): void {
    this.#isOver = true;
    this.#connection.deadline.clear();
    this.#claim?.hold(0);
    if (this.#headDeadline !== null) clearTimeout(this.#headDeadline);
    this.#of.writer.events = null;
  }
}
