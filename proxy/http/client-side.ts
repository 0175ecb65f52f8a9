/**
 * What an exchange with an origin needs of the client's side of a request, whatever reads and writes that connection:
 * the content as it arrives, and a place for the response.
 */
import type { Reason } from '../core/reasons.js';

/** Fields are a flat list: name, value, name, value; values are latin1. */
export interface ResponseHead {
  readonly status: number;
  readonly phrase: string;
  readonly fields: readonly string[];
  /** Whether Content-Length is among them, where that is known. */
  readonly hasLength?: boolean;
}

/** Takes the content of a request. */
export interface ContentSink {
  /** `bytes` are valid until the call returns. False: no more until `resume`. */
  data(bytes: Buffer): boolean;
  /** The content is complete. `trailers`: as they came, flat. */
  end(trailers: readonly string[]): void;
  /** The content breaks off: the client has broken the protocol, or is gone. */
  fail(reason: Reason): void;
}

/** The content of one request, from its first byte to its last. */
export interface ContentSource {
  /** Octets that the head announces, or null if the content is chunked. */
  readonly length: number | null;
  /** Starts the flow. Called again, it replaces the sink. */
  flowTo(sink: ContentSink): void;
  /** Resumes after the sink has returned false. */
  resume(): void;
  /** Nobody wants the rest: it is read and dropped, within bounds of time, so that the client can read its answer. */
  discard(): void;
}

/** The response to one request, in order: interim heads, one final head, content, end. */
export interface ResponseWriter {
  /** RFC 9110 section 15.2: passed on to an HTTP/1.1 client; dropped if the client reads too slowly. */
  interim(head: ResponseHead): void;
  /**
   * The final head, framed for the client's version: by the Content-Length among its fields, otherwise chunked. `isLast`: the
   * connection is closed after the response, in stages (RFC 9112 section 9.6). It leaves with the next call.
   */
  head(head: ResponseHead, isLast: boolean): void;
  /** Sends what waits: the head and small content wait for what can leave with them. False: no more before `onClientDrain`. */
  flush(): boolean;
  /** `bytes` are valid until the call returns. To be followed by `flush` or `end`. False: no more before `onClientDrain`. */
  write(bytes: Buffer): boolean;
  /** With the last of the content, perhaps none. `trailers` are those that may be passed on. */
  end(bytes: Buffer, trailers: readonly string[]): void;
  /** Who hears of room to write and of the client's loss from now on; null: nobody. */
  events: ResponseEvents | null;
}

export interface ResponseEvents {
  onClientDrain(): void;
  /** The client is lost before the end of the response. */
  onClientLost(): void;
}
