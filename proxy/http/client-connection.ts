/**
 * One connection of a client to an HTTP door: reads a head, has it served, and reads the next one only when the last
 * byte of the answer has left. So a connection never has more than one request waiting, and a client that does not read
 * its answers gets no more of them; what it sends meanwhile waits in its own kernel.
 */
import type { Socket } from 'node:net';
import { peerAddress } from '../door/clients.js';
import { closeAfter } from '../door/closing.js';
import type { CountedConnection } from '../door/connection-limits.js';
import { Deadline, type Due } from '../net/deadlines.js';
import { DROPPED, type ReadSize, type Taker } from '../net/direct-io.js';
import { type Claim, UNCLAIMED_BYTES } from '../net/memory-budget.js';
import { type Heir, report, type Side } from '../net/side.js';
import { KEEP_ALIVE_MS } from './client-response.js';
import type { ConnectionOptions, HeadFault, OpenConnection } from './connection-options.js';
import { type HeadReading, readAtOnce, type WholeHead } from './head-lines.js';
import { HeadReader } from './head-reader.js';
import { carriesUpgrade, framingFault, type RequestHead } from './request-head.js';
import { type ServedOwner, ServedRequest } from './served-request.js';

/** Added to the upstream's idle time-out, which has the better answer to give. */
const GRACE_MS = 5000;
const NOTHING = Buffer.alloc(0);

export class ClientConnection implements Side, Heir, OpenConnection, ServedOwner, Taker, Due {
  readonly socket: Socket;
  readonly isBusy: boolean;
  most: ReadSize = 'small';
  before: OpenConnection | null = null;
  behind: OpenConnection | null = null;
  readonly #options: ConnectionOptions;
  readonly #counted: CountedConnection;
  /** Null unless a part of a head has come; its limits are those of that moment. */
  #head: HeadReader | null = null;
  #served: ServedRequest | null = null;
  #claim: Claim | null = null;
  /** When the client ended its side, by performance.now(). */
  #endedAt: number | null = null;
  readonly #deadline: Deadline;
  /** Acts on silence. Made for the first request, as most connections have a tunnel alone. */
  #onIdle: (() => void) | null = null;
  #hasLeft = false;
  #heir: Heir | null = null;

  constructor(socket: Socket, options: ConnectionOptions, counted: CountedConnection) {
    this.socket = socket;
    this.#options = options;
    this.#counted = counted;
    this.isBusy = !counted.isAdmitted;
    const { arrivals } = options;
    this.#deadline = new Deadline(arrivals.deadlines, this);
    this.#deadline.set(arrivals.inForce.settings.limits.headerTimeoutMs);
    options.open.add(this);
    report(socket, this);
    arrivals.reads.readInto(socket, this);
  }

  get isWaiting(): boolean {
    return this.#served === null && !this.#hasLeft;
  }

  inherit(heir: Heir): void {
    this.#heir = heir;
  }

  /** Nothing of the next head has arrived. */
  get #isSilent(): boolean {
    return this.#head === null || this.#head.isEmpty;
  }

  /** The request that is being served has arrived in full. */
  get #isWhole(): boolean {
    return this.#served?.onEnd() === true;
  }

  /** The next bytes of the connection. False: no more until there is room for them. After a defect nobody else would close it. */
  take(bytes: Buffer): boolean {
    if (this.#hasLeft) return true;
    try {
      const goOn = this.#served === null ? this.#takeHead(bytes) : this.#served.take(bytes);
      this.#account((this.#head?.length ?? 0) + (this.#served?.held ?? 0));
      this.most = this.#served?.most ?? 'small';
      return goOn;
    } catch (error) {
      this.#options.arrivals.onDefect(error);
      this.socket.destroy();
      return false;
    }
  }

  #takeHead(bytes: Buffer): boolean {
    const atOnce = this.#head === null ? readAtOnce(bytes, this.#options.arrivals.inForce.settings.limits) : null;
    const reading = atOnce ?? this.#takePart(bytes);
    if (reading.kind === 'head') return this.#begin(reading, bytes);
    return reading.kind === 'fault' ? this.#fail(reading.reason) : true;
  }

  /** A part of a head: the time for all of it runs from its first byte on. */
  #takePart(bytes: Buffer): HeadReading {
    const isBegin = this.#isSilent;
    const limits = this.#options.arrivals.inForce.settings.limits;
    this.#head ??= new HeadReader(limits);
    const reading = this.#head.push(bytes);
    if (isBegin && this.#onIdle !== null && !this.#isSilent) this.#deadline.set(limits.headerTimeoutMs);
    return reading;
  }

  /** `bytes`: the last piece of the head, and what came with it. */
  #begin(whole: WholeHead, bytes: Buffer): boolean {
    const { head, length, taken } = whole;
    // Most heads arrive with nothing after them.
    const rest = taken === bytes.length ? NOTHING : bytes.subarray(taken);
    this.#deadline.clear();
    this.#head = null;
    this.#counted.heard();
    // Before anything is under way, while it can still be refused with a reason.
    this.#account(2 * length);
    if (this.#hasLeft) return true;
    if (head.method === 'CONNECT') return this.#handOver(head, rest);
    if (head.noted.hasContent && framingFault(head) !== null) return this.#fail('malformed-request');
    if (carriesUpgrade(head)) return this.#handOver(head, rest);
    this.#serve(whole);
    return rest.length === 0 || this.#served === null || this.#served.take(rest);
  }

  /** CONNECT and Upgrade are the last requests of their connection. */
  #handOver(head: RequestHead, rest: Buffer): true {
    const { socket, isBusy: busy } = this;
    this.#leave();
    if (head.method === 'CONNECT') this.#options.connect(head, this, { busy, rest });
    else this.#options.upgrade({ ...head, socket, content: null }, this, { busy, rest });
    return true;
  }

  #serve(whole: WholeHead): void {
    const socket = this.socket;
    const limits = this.#options.arrivals.inForce.settings.limits;
    if (this.#onIdle === null) {
      this.#onIdle = () => this.#endIfIdle();
      socket.on('timeout', this.#onIdle);
    }
    if (socket.timeout !== limits.idleTimeoutMs + GRACE_MS) socket.setTimeout(limits.idleTimeoutMs + GRACE_MS);
    this.#served = new ServedRequest(this, this.#options, whole, limits);
    this.#served.start();
  }

  onDropping(): void {
    this.#deadline.set(KEEP_ALIVE_MS);
  }

  /** Waits for the next head, which may begin with `ahead`, or ends the connection. */
  onDone(ahead: Buffer | null): void {
    const served = this.#served;
    this.#served = null;
    this.most = 'small';
    this.#claim?.hold(0);
    if (ahead === null || (ahead.length === 0 && this.socket.readableEnded)) {
      this.#close(served?.isRead ?? true);
      return;
    }
    this.#deadline.set(KEEP_ALIVE_MS);
    this.#counted.waits();
    if (ahead.length === 0 || this.take(ahead)) this.socket.resume();
    // Its end event has passed and is not repeated: what is incomplete now stays so.
    if (this.socket.readableEnded && !this.#hasLeft && !this.#isWhole) this.ended();
  }

  /** In stages if the client may still send: a reset could overtake the answer (RFC 9112 section 9.6). */
  #close(isRead: boolean): void {
    this.#leave();
    if (!isRead) this.#options.arrivals.reads.readInto(this.socket, DROPPED);
    if (isRead) this.socket.destroySoon();
    else closeAfter(this.#options.arrivals.deadlines, this, NOTHING);
  }

  #fail(reason: HeadFault): true {
    this.#leave();
    this.#options.arrivals.reads.readInto(this.socket, DROPPED);
    this.#options.refuse(reason, this);
    return true;
  }

  /** From here on the connection belongs to somebody else. */
  #leave(): void {
    this.#hasLeft = true;
    this.#deadline.clear();
    this.#claim?.hold(0);
    if (this.#onIdle !== null) this.socket.off('timeout', this.#onIdle).setTimeout(0);
  }

  #account(held: number): void {
    if (this.#hasLeft || (this.#claim === null && held <= UNCLAIMED_BYTES)) return;
    // A request that is under way is cut, and still gets its record.
    const refuse = () => (this.#served === null ? this.#fail('busy') : this.#served.cutForMemory());
    const { memory } = this.#options.arrivals;
    this.#claim ??= memory.claim('requests', peerAddress(this.socket.remoteAddress), refuse);
    this.#claim.hold(held);
  }

  /** A connection that has sent nothing has asked for nothing, and gets no answer. */
  onLate(): void {
    if (this.#isSilent) this.socket.destroy();
    else this.#fail('header-timeout');
  }

  ended(): void {
    if (this.#hasLeft) this.#heir?.ended();
    else if (this.#served === null && !this.#isSilent) this.#fail('malformed-request');
    else if (!this.#isWhole) this.socket.destroy();
    else this.#awaitSilence();
  }

  closed(hadError: boolean): void {
    this.#counted.left();
    this.#options.open.delete(this);
    if (this.#hasLeft) this.#heir?.closed(hadError);
    // Lost within a head: it has asked for something, as far as anybody can tell. What the proxy closes is no error.
    else if (hadError && this.#served === null && !this.#isSilent) this.#options.refuse('client-closed', this);
    this.#options.arrivals.reads.forget(this.socket);
    this.#deadline.clear();
    this.#claim?.hold(0);
    this.#served?.onLost();
  }

  /**
   * On the wire nothing but silence tells a client that is gone from one that has ended its side (RFC 9112 section 9.6).
   * A client that waits for the head of an answer may wait as long as any other; an idle event stream would live on upstream.
   */
  #awaitSilence(): void {
    this.#endedAt ??= performance.now();
    this.socket.setTimeout(this.#options.arrivals.inForce.settings.limits.headerTimeoutMs);
  }

  /** A paused reader does not count as silent: what waits for it is bounded elsewhere. */
  #endIfIdle(): void {
    const socket = this.socket;
    if (this.#served === null || socket.writableLength > 0) return;
    const [now, { idleTimeoutMs }] = [performance.now(), this.#options.arrivals.inForce.settings.limits];
    const isPatient = this.#endedAt !== null && now - this.#endedAt < idleTimeoutMs + GRACE_MS;
    // Node does not notice what is written directly to the descriptor.
    if (now - this.#served.lastWriteAt < (socket.timeout ?? 0)) socket.setTimeout(socket.timeout ?? 0);
    else if (isPatient && !this.#served.isAnswering) this.#awaitSilence();
    else socket.destroy();
  }
}
