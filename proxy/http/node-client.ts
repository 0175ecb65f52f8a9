/** The client's side of a request as an exchange takes it, over the streams that the doors have. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { reasonOf } from '../core/reasons.js';
import type { Claim } from '../net/memory-budget.js';
import type { ContentSink, ContentSource, ResponseEvents, ResponseHead, ResponseWriter } from './client-side.js';
import { values } from './fields.js';

export class NodeContent implements ContentSource {
  readonly length: number | null;
  readonly #request: IncomingMessage;
  #sink: ContentSink | null = null;

  constructor(request: IncomingMessage) {
    this.#request = request;
    const [length] = values(request.rawHeaders, 'content-length');
    this.length = length === undefined ? null : Number(length);
  }

  flowTo(sink: ContentSink): void {
    const request = this.#request;
    this.#sink = sink;
    request.on('data', (bytes: Buffer) => {
      if (this.#sink?.data(bytes) === false) request.pause();
    });
    request.on('end', () => this.#sink?.end(request.rawTrailers));
    const broken = (): void => sink.fail(request.errored === null ? 'client-closed' : reasonOf(request.errored));
    request.on('error', broken).on('close', () => request.readableEnded || broken());
    if (request.destroyed && !request.readableEnded) broken();
  }

  resume(): void {
    this.#request.resume();
  }

  discard(): void {
    this.#sink = null;
    this.#request.resume();
  }
}

export class NodeWriter implements ResponseWriter {
  readonly #response: ServerResponse;
  /** For what a client that reads slowly makes us hold; made when something is held for the first time. */
  readonly #newClaim: (refuse: () => void) => Claim;
  #claim: Claim | null = null;
  #isHeadWaiting = false;
  #onDrain: (() => void) | null = null;
  #onClose: (() => void) | null = null;

  constructor(response: ServerResponse, newClaim: (refuse: () => void) => Claim) {
    this.#response = response;
    this.#newClaim = newClaim;
  }

  /** Written past Node's response, which knows no other than 100, 102 and 103. Waits for nobody: not in its turn, or too slow. */
  interim({ status, phrase, fields }: ResponseHead): void {
    const { socket, req } = this.#response;
    if (socket === null || req.httpVersion !== '1.1' || socket.writableNeedDrain || this.#response.headersSent) return;
    let text = `HTTP/1.1 ${status} ${phrase || (STATUS_CODES[status] ?? '')}\r\n`;
    for (let i = 0; i + 1 < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
    socket.write(`${text}\r\n`, 'latin1');
  }

  head({ status, phrase, fields }: ResponseHead, isLast: boolean): void {
    const response = this.#response;
    response.sendDate = false;
    // Node takes no announcement of trailers where it cannot send any.
    const kept = fields.filter((_, i) => response.req.httpVersion === '1.1' || !isTrailer(fields[i - (i % 2)]));
    response.writeHead(status, phrase, isLast ? [...kept, 'Connection', 'close'] : kept);
    this.#isHeadWaiting = true;
    // What comes in one piece with the head leaves in one write with it.
    const { socket } = response;
    socket?.cork();
    process.nextTick(() => socket?.uncork());
  }

  /** Not by flushHeaders, which writes in UTF-8: bytes from 0x80 up would not be those of the origin. */
  flush(): void {
    if (!this.#isHeadWaiting) return;
    this.#isHeadWaiting = false;
    this.#response.write(NOTHING);
  }

  write(bytes: Buffer): boolean {
    this.#isHeadWaiting = false;
    const goesOn = this.#response.write(Buffer.from(bytes));
    if (!goesOn) this.#hold(bytes.length);
    return goesOn;
  }

  #hold(octets: number): void {
    if (this.#claim === null) {
      const claim = this.#newClaim(() => void this.#response.destroy());
      const release = (): void => claim.hold(0);
      this.#response.on('drain', release).on('finish', release).on('close', release);
      this.#claim = claim;
    }
    this.#claim.hold(octets);
  }

  end(trailers: readonly string[]): void {
    const pairs: [string, string][] = [];
    for (let i = 0; i + 1 < trailers.length; i += 2) pairs.push([trailers[i] ?? '', trailers[i + 1] ?? '']);
    if (pairs.length > 0) this.#response.addTrailers(pairs);
    this.#response.end();
  }

  listen(events: ResponseEvents | null): void {
    const response = this.#response;
    if (this.#onDrain !== null) response.off('drain', this.#onDrain);
    if (this.#onClose !== null) response.off('close', this.#onClose);
    this.#onDrain = events === null ? null : () => events.onDrain();
    this.#onClose = events === null ? null : () => response.writableFinished || events.onLost();
    if (events === null || this.#onDrain === null || this.#onClose === null) return;
    response.on('drain', this.#onDrain).on('close', this.#onClose);
    if (response.destroyed) events.onLost();
  }
}

const NOTHING = Buffer.alloc(0);

function isTrailer(name: string | undefined): boolean {
  return name?.toLowerCase() === 'trailer';
}
