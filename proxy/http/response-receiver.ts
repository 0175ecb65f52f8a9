/** A response on its way to the client: interim heads, the final one, its content, and the trailers that may be passed on. */
import type { ResponseWriter } from './client-side.js';
import { hasField, isNamed, mayBeTrailer, responseFields, values } from './fields.js';
import { type BodyReader, bodyReader } from './message-body.js';
import type { ExchangeRequest } from './request-sender.js';
import {
  contentLengthOf,
  type Framing,
  framingOf,
  isPersistent,
  type ReceivedHead,
  ResponseHeadReader,
} from './response-head.js';

export interface ReceiverEvents {
  /** True if content of the request is still to come. */
  readonly isEarly: boolean;
  /** The head of the final response is about to be written. */
  onFinal(status: number): void;
}

/** How many interim responses an origin may send before it answers: each is passed on, and none is an answer. */
const MOST_INTERIM = 1000;

export class ResponseReceiver {
  readonly #writer: ResponseWriter;
  readonly #request: Pick<ExchangeRequest, 'method' | 'upgrade'>;
  readonly #events: ReceiverEvents;
  readonly #heads = new ResponseHeadReader();
  #body: BodyReader | null = null;
  #interim = 0;
  state: 'head' | 'content' | 'done' | 'fault' | 'upgraded' = 'head';
  /** The head of the final response, or of the 101. */
  head: ReceivedHead | null = null;
  /** What came after the head of a 101; valid until the call that brought it returns. */
  rest: Buffer = NOTHING;
  /** True once a byte has come. */
  hasBegun = false;
  /** True if the origin will take another request. */
  isPersistent = false;

  constructor(writer: ResponseWriter, request: Pick<ExchangeRequest, 'method' | 'upgrade'>, events: ReceiverEvents) {
    this.#writer = writer;
    this.#request = request;
    this.#events = events;
  }

  /** True if a head has begun and is incomplete. */
  get isWithinHead(): boolean {
    return this.#heads.isWithin;
  }

  /** How many octets of an incomplete head are held. */
  get heldOfHead(): number {
    return this.#heads.held;
  }

  /** Bytes after the end of the response, which belong to nothing. */
  get surplus(): number {
    return this.#body?.surplus ?? 0;
  }

  /** The next bytes of the connection. False: the client reads too slowly for more. */
  push(bytes: Buffer): boolean {
    this.hasBegun = true;
    let rest = bytes;
    while (this.state === 'head' && rest.length > 0) {
      const reading = this.#heads.push(rest);
      if (reading.kind === 'need-more') return true;
      if (reading.kind === 'fault') {
        this.state = 'fault';
        return false;
      }
      rest = rest.subarray(reading.length);
      this.#take(reading.head, rest);
    }
    return this.#body === null || this.#takeContent(this.#body, rest);
  }

  /** The origin has ended its side: true if the response is whole. */
  onConnectionEnd(): boolean {
    if (this.state === 'content' && this.#body?.endsWithConnection === true) this.#finish([]);
    return this.state === 'done';
  }

  #take(head: ReceivedHead, rest: Buffer): void {
    const { status, phrase } = head;
    if (status === 101 && this.#request.upgrade !== null) {
      this.head = head;
      this.rest = rest;
      this.state = 'upgraded';
      return;
    }
    if (status >= 200) {
      this.#takeFinal(head);
      return;
    }
    this.#interim += 1;
    if (status === 101 || this.#interim > MOST_INTERIM) this.state = 'fault';
    else this.#writer.interim({ status, phrase, fields: responseFields(head.fields, `1.${head.minor}`, status) });
  }

  #takeFinal(head: ReceivedHead): void {
    const framing = framingOf(head, this.#request.method);
    if (framing === null) {
      this.state = 'fault';
      return;
    }
    this.head = head;
    this.state = 'content';
    this.#body = bodyReader(framing);
    this.isPersistent = isPersistent(head) && isPlain(head, framing);
    const { status, phrase } = head;
    this.#events.onFinal(status);
    // An origin that answers early and closes does not want the rest of the content (RFC 9112 section 9.6).
    const isLast = !this.isPersistent && this.#events.isEarly;
    this.#writer.head({ status, phrase, fields: finalFields(head, framing) }, isLast);
  }

  #takeContent(body: BodyReader, bytes: Buffer): boolean {
    if (this.state === 'done') body.push(bytes);
    if (this.state !== 'content') return true;
    const content = body.push(bytes);
    const hasRoom = content.length === 0 || this.#writer.write(content);
    if (body.state === 'done') {
      this.#finish(body.trailers);
      return hasRoom;
    }
    if (body.state === 'fault') this.state = 'fault';
    return this.#writer.flush() && hasRoom;
  }

  #finish(trailers: readonly string[]): void {
    this.state = 'done';
    this.#writer.end(trailers.length === 0 ? trailers : passedOn(trailers));
  }
}

const NOTHING = Buffer.alloc(0);

/** RFC 9112 section 6.1: after a transfer coding in HTTP/1.0 it is unknown where the next message would begin. */
function isPlain({ minor }: ReceivedHead, framing: Framing): boolean {
  return framing.kind !== 'until-close' && (minor === 1 || framing.kind !== 'chunked');
}

function finalFields(head: ReceivedHead, framing: Framing): string[] {
  const raw = framing.kind === 'chunked' ? head.fields : without('trailer', withOneLength(head.fields, framing));
  const fields = responseFields(raw, `1.${head.minor}`, head.status);
  // RFC 9110 section 6.6.1: a recipient that passes on a response without Date adds the time of receipt.
  if (!hasField(fields, 'date')) fields.push('Date', new Date().toUTCString());
  return fields;
}

/** RFC 9110 section 8.6: a repeated length is passed on once, in plain digits, so that everybody reads the same number. */
function withOneLength(fields: readonly string[], framing: Framing): readonly string[] {
  const given = values(fields, 'content-length');
  const length = framing.kind === 'length' ? framing.octets : contentLengthOf(fields);
  if (length === null || (given.length === 1 && given[0] === String(length))) return fields;
  return [...without('content-length', fields), 'Content-Length', String(length)];
}

function without(name: string, fields: readonly string[]): readonly string[] {
  if (!hasField(fields, name)) return fields;
  return fields.filter((_, i) => !isNamed(fields[i - (i % 2)] ?? '', name));
}

function passedOn(trailers: readonly string[]): string[] {
  return trailers.filter((_, i) => mayBeTrailer(trailers[i - (i % 2)] ?? ''));
}
