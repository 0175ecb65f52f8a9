/**
 * One request and its response over one upstream connection: the fields in raw form, the content as a stream with
 * back-pressure both ways, interim responses and trailers passed on (RFC 9110 sections 6.5 and 15.2).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Dispatcher, errors } from 'undici';
import { EgressError, type Reason } from '../core/reasons.js';
import { members, responseFields } from './fields.js';
import type { Upstream } from './upstream-pool.js';

export interface ExchangeRequest {
  readonly method: string;
  readonly path: string;
  readonly fields: string[];
  /** Null where there is none. */
  readonly content: IncomingMessage | null;
  /** The protocols of an Upgrade field, or null. */
  readonly upgrade: string | null;
}

export interface ExchangeEvents {
  /** The head of the final response is about to be written. */
  onFinal(status: number): void;
  /** 101: the connection is now a tunnel of the caller's. `fields`: end-to-end ones, flat. */
  onUpgraded(fields: string[], socket: Duplex): void;
}

export interface ExchangeFailure {
  readonly error: EgressError;
  /** False where the connection failed before the request was begun: only then may it be sent again. */
  readonly wasSent: boolean;
}

/** Null when the response (or the upgrade) is through. Never rejects. */
export function exchange(
  upstream: Upstream,
  request: ExchangeRequest,
  response: ServerResponse,
  events: ExchangeEvents,
): Promise<ExchangeFailure | null> {
  return new Promise((resolve) => {
    const handler = new ResponseWriter(upstream, response, events, resolve);
    const { method, path, fields, content, upgrade } = request;
    upstream.client.dispatch(
      { method: method as Dispatcher.HttpMethod, path, headers: fields, body: content, upgrade },
      handler,
    );
  });
}

class ResponseWriter implements Dispatcher.DispatchHandler {
  readonly #upstream: Upstream;
  readonly #response: ServerResponse;
  readonly #events: ExchangeEvents;
  readonly #settle: (failure: ExchangeFailure | null) => void;
  #abort: ((error: Error) => void) | null = null;
  #resume: () => void = () => undefined;

  constructor(
    upstream: Upstream,
    response: ServerResponse,
    events: ExchangeEvents,
    settle: (failure: ExchangeFailure | null) => void,
  ) {
    this.#upstream = upstream;
    this.#response = response;
    this.#events = events;
    this.#settle = settle;
    response.on('close', this.#onClientClose);
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    if (this.#response.destroyed) abort(new EgressError('client-closed'));
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, statusText: string): boolean {
    const fields = raw.map((part) => part.toString('latin1'));
    if (status < 200) return this.#interim(status, statusText, fields);
    if (isCodedTwice(fields)) return this.#giveUp(new EgressError('upstream-protocol'));
    this.#resume = resume;
    this.#response.on('drain', resume);
    this.#response.sendDate = false;
    try {
      this.#response.writeHead(status, statusText, responseFields(fields, '1.1'));
    } catch (error) {
      return this.#giveUp(new EgressError('upstream-protocol', { cause: error }));
    }
    this.#events.onFinal(status);
    // The head leaves now, not with the first piece of the content: an event stream may be silent for long.
    this.#response.flushHeaders();
    return true;
  }

  onData(chunk: Buffer): boolean {
    return this.#response.write(chunk);
  }

  onComplete(raw: string[] | Buffer[] | null): void {
    const trailers = (raw ?? []).map((part) => part.toString('latin1'));
    const pairs: [string, string][] = [];
    for (let i = 0; i + 1 < trailers.length; i += 2) pairs.push([trailers[i] ?? '', trailers[i + 1] ?? '']);
    if (pairs.length > 0) this.#response.addTrailers(pairs);
    this.#response.end();
    this.#finish(null);
    this.#upstream.release();
  }

  onUpgrade(_status: number, raw: Buffer[] | string[] | null, socket: Duplex): void {
    this.#finish(null);
    this.#events.onUpgraded(
      (raw ?? []).map((part) => part.toString('latin1')),
      socket,
    );
  }

  onError(error: Error): void {
    const wasSent = this.#abort !== null;
    this.#finish({ error: asEgressError(error), wasSent });
  }

  /** RFC 9110 section 15.2: passed on to a client of HTTP/1.1 that reads them, unless its turn in a pipeline has not come. */
  #interim(status: number, statusText: string, fields: readonly string[]): boolean {
    const { socket, req } = this.#response;
    if (socket === null || req.httpVersion !== '1.1' || socket.writableNeedDrain) return true;
    const lines = [`HTTP/1.1 ${status} ${statusText || (STATUS_CODES[status] ?? '')}`];
    const kept = responseFields(fields, '1.1');
    for (let i = 0; i + 1 < kept.length; i += 2) lines.push(`${kept[i]}: ${kept[i + 1]}`);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    return true;
  }

  #giveUp(error: EgressError): false {
    this.#abort?.(error);
    return false;
  }

  readonly #onClientClose = (): void => {
    if (!this.#response.writableFinished) this.#abort?.(new EgressError('client-closed'));
  };

  #finish(failure: ExchangeFailure | null): void {
    this.#response.off('close', this.#onClientClose).off('drain', this.#resume);
    if (failure !== null) this.#upstream.discard();
    this.#settle(failure);
  }
}

/** Any transfer coding beside `chunked` is left on the content by the parser, and nothing would say so to the client. */
function isCodedTwice(fields: readonly string[]): boolean {
  return members(fields, 'transfer-encoding').some((coding) => coding !== 'chunked');
}

function asEgressError(error: Error): EgressError {
  return error instanceof EgressError ? error : new EgressError(reasonOfUpstream(error), { cause: error });
}

function reasonOfUpstream(error: Error): Reason {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError)
    return 'upstream-timeout';
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError)
    return 'upstream-protocol';
  if (error instanceof errors.RequestContentLengthMismatchError) return 'malformed-request';
  if (error instanceof errors.SocketError) return /^bad /.test(error.message) ? 'upstream-protocol' : 'upstream-reset';
  if (error instanceof errors.UndiciError && error.code.startsWith('UND_ERR_RES')) return 'upstream-protocol';
  const code = 'code' in error ? error.code : null;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ETIMEDOUT' ? 'upstream-reset' : 'internal-error';
}
