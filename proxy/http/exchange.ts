/**
 * One request and its response over one connection to an origin. The two directions do not wait for each other: the
 * content goes up as it arrives from the client, and the origin's answer goes down as it arrives, whether
 * early, after several interim heads, or never. DECISIONS 36 and 38.
 */
import type { Socket } from 'node:net';
import { EgressError, type Reason } from '../core/reasons.js';
import type { Claim } from '../net/memory-budget.js';
import type { ResponseEvents, ResponseWriter } from './client-side.js';
import { type ExchangeRequest, RequestSender, type SenderEvents } from './request-sender.js';
import { type ReceiverEvents, ResponseReceiver } from './response-receiver.js';
import type { ConnectionUser, UpstreamConnection } from './upstream-connection.js';

export interface TimeLimits {
  /** Without a byte in either direction for this long, the exchange has failed. */
  readonly idleMs: number;
  /** For the head of a response, from its first byte to its last. */
  readonly headMs: number;
  /** Before the first byte of a response: shorter than `idleMs` if the connection may have died unnoticed. */
  readonly answerMs: number;
}

/** What is exchanged, and who hears of it. */
export interface Exchanged {
  readonly request: ExchangeRequest;
  readonly writer: ResponseWriter;
  /** Claims memory for incomplete heads. `refuse`: gives the exchange up. */
  claim(refuse: () => void): Claim;
  /** The head of the final response is about to be written. */
  onFinal(status: number): void;
  /** 101: the connection is now a tunnel, whose next bytes come from `socket`. `fields`: end-to-end ones, flat. */
  onUpgraded(fields: readonly string[], socket: Socket): void;
}

/** How an exchange went; whoever provided the connection decides what becomes of it. */
export type ExchangeEnd =
  /** `isReusable`: the connection can take another request. `head`: what the origin said of itself. */
  | {
      readonly kind: 'answered';
      readonly isReusable: boolean;
      readonly minor: 0 | 1;
      readonly fields: readonly string[];
    }
  | { readonly kind: 'upgraded' }
  /** `isUnanswered`: lost, or silent, before a byte of a response, and none of the content was taken. */
  | { readonly kind: 'failed'; readonly error: EgressError; readonly isUnanswered: boolean };

/** Whoever waits for the end of an exchange. */
export interface ExchangeOwner {
  /** Called once; may be called before `startExchange` returns. */
  onExchanged(end: ExchangeEnd): void;
}

/** Never rejects. The caller closes `connection` if it is not to be used again. */
export function exchange(connection: UpstreamConnection, of: Exchanged, limits: TimeLimits): Promise<ExchangeEnd> {
  return new Promise((onExchanged) => startExchange(connection, of, limits, { onExchanged }));
}

/** As `exchange`, without a promise. */
export function startExchange(
  connection: UpstreamConnection,
  of: Exchanged,
  limits: TimeLimits,
  owner: ExchangeOwner,
): void {
  new Exchange(connection, of, limits, owner).start();
}

/** One object for both directions and all that can happen: most exchanges are over before anything else does. */
class Exchange implements ConnectionUser, SenderEvents, ReceiverEvents, ResponseEvents {
  readonly #connection: UpstreamConnection;
  readonly #of: Exchanged;
  readonly #limits: TimeLimits;
  readonly #owner: ExchangeOwner;
  readonly #sender: RequestSender;
  readonly #receiver: ResponseReceiver;
  #headDeadline: NodeJS.Timeout | null = null;
  #claim: Claim | null = null;
  #isPaused = false;
  #isOver = false;

  constructor(connection: UpstreamConnection, of: Exchanged, limits: TimeLimits, owner: ExchangeOwner) {
    this.#connection = connection;
    this.#of = of;
    this.#limits = limits;
    this.#owner = owner;
    this.#sender = new RequestSender(connection, of.request, this);
    this.#receiver = new ResponseReceiver(of.writer, of.request, this);
  }

  start(): void {
    this.#wait();
    this.#of.writer.listen(this);
    if (!this.#isOver) this.#connection.serve(this);
    if (!this.#isOver) this.#sender.start();
  }

  onBytes(bytes: Buffer): boolean {
    const receiver = this.#receiver;
    const goOn = receiver.push(bytes);
    if (this.#isOver) return false;
    if (receiver.state === 'fault') {
      this.#fail('upstream-protocol');
      return false;
    }
    if (receiver.state === 'upgraded') {
      this.#upgrade();
      return true;
    }
    this.#watchHead();
    this.#isPaused = !goOn;
    if (receiver.state === 'done') this.#finishWhereDone();
    if (this.#isOver) return this.#connection.isOpen;
    this.#wait();
    return goOn;
  }

  onDrain(): void {
    this.#wait();
    this.#sender.onDrain();
  }

  onEnd(): void {
    if (this.#receiver.onConnectionEnd()) this.#finishWhereDone();
    else this.#fail('upstream-reset');
  }

  onWriteFailed(): void {
    this.#sender.stop();
  }

  onLost(error: Error | null): void {
    // Without an error it has ended properly, and a response that is read until the end is complete.
    if (error === null && this.#receiver.onConnectionEnd()) this.#finishWhereDone();
    else this.#fail('upstream-reset', error);
  }

  onProgress(): void {
    this.#wait();
  }

  onSent(): void {
    this.#finishWhereDone();
  }

  onFault(reason: Reason): void {
    this.#fail(reason);
  }

  /** Content of the request is still to come. */
  get isEarly(): boolean {
    return !this.#sender.isWhole;
  }

  onFinal(status: number): void {
    this.#of.onFinal(status);
  }

  onClientLost(): void {
    this.#fail('client-closed');
  }

  onClientDrain(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#wait();
    this.#connection.resume();
  }

  /** A slow reader has its own time-out; while it holds the origin back, the origin does not count as silent. */
  onLate(): void {
    if (this.#isPaused) this.#wait();
    else this.#fail('upstream-timeout');
  }

  #wait(): void {
    const { idleMs, answerMs } = this.#limits;
    if (!this.#isOver) this.#connection.deadline.set(this.#receiver.hasBegun ? idleMs : answerMs);
  }

  #watchHead(): void {
    const { isWithinHead, heldOfHead } = this.#receiver;
    if (isWithinHead) this.#claim ??= this.#of.claim(() => this.#fail('busy'));
    this.#claim?.hold(heldOfHead);
    if (this.#isOver) return;
    if (isWithinHead && this.#headDeadline === null)
      this.#headDeadline = setTimeout(() => this.#fail('upstream-timeout'), this.#limits.headMs);
    if (isWithinHead || this.#headDeadline === null) return;
    clearTimeout(this.#headDeadline);
    this.#headDeadline = null;
  }

  /** The response is complete: the rest of the content is still sent if the origin reads on, and dropped if it does not. */
  #finishWhereDone(): void {
    const { state, head, isPersistent, surplus } = this.#receiver;
    if (state !== 'done' || head === null || this.#isOver) return;
    const goesOn = isPersistent && surplus === 0 && this.#connection.isOpen;
    if (!this.#sender.isDone && goesOn) return;
    const isReusable = goesOn && this.#sender.isDone;
    this.#sender.stop();
    // It was paused for a client that needs no more from it.
    if (isReusable && this.#isPaused) this.#connection.resume();
    this.#end({ kind: 'answered', isReusable, minor: head.minor, fields: head.fields });
  }

  #upgrade(): void {
    const { head, rest } = this.#receiver;
    this.#of.onFinal(101);
    this.#stop();
    this.#of.onUpgraded(head?.fields ?? [], this.#connection.release(rest));
    this.#owner.onExchanged(UPGRADED);
  }

  #fail(reason: Reason, cause: Error | null = null): void {
    if (this.#isOver) return;
    if (this.#receiver.state === 'done') {
      // The client has its answer: only the rest of the content is lost on the way to the origin.
      this.#sender.stop();
      this.#end({ kind: 'answered', isReusable: false, minor: 1, fields: [] });
      return;
    }
    const isUnanswered = !this.#receiver.hasBegun && !this.#sender.hasContent && reason !== 'client-closed';
    const error = new EgressError(reason, cause === null ? {} : { cause });
    this.#sender.stop();
    this.#end({ kind: 'failed', error, isUnanswered });
  }

  #end(end: ExchangeEnd): void {
    this.#stop();
    this.#owner.onExchanged(end);
  }

  #stop(): void {
    this.#isOver = true;
    this.#connection.deadline.clear();
    this.#claim?.hold(0);
    if (this.#headDeadline !== null) clearTimeout(this.#headDeadline);
    this.#of.writer.listen(null);
  }
}

const UPGRADED: ExchangeEnd = { kind: 'upgraded' };
