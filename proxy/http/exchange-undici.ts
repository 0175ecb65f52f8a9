/**
 * One request and its response over one upstream connection: the fields in raw form, the content as a stream with
 * back-pressure both ways, interim responses and trailers passed on (RFC 9110 sections 6.5 and 15.2).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import errors from 'undici/lib/core/errors.js';
import { EgressError, type Reason } from '../core/reasons.js';
import { writeEnd, writeHead, writeInterim } from './response-writer.js';
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
    const handler = new ResponseHandler(upstream, response, events, resolve);
    const { method, path, fields, content, upgrade } = request;
    upstream.client.dispatch(
      { method: method as Dispatcher.HttpMethod, path, headers: fields, body: content, upgrade },
      handler,
    );
  });
}

class ResponseHandler implements Dispatcher.DispatchHandler {
  readonly #upstream: Upstream;
  readonly #response: ServerResponse;
  readonly #events: ExchangeEvents;
  readonly #settle: (failure: ExchangeFailure | null) => void;
  #abort: ((error: Error) => void) | null = null;
  #resume: () => void = () => undefined;
  /** The head of a response that has no content is out. */
  #isWhole = false;

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
    // undici reads the phrase as UTF-8; these are the bytes again.
    const head = { status, statusText: Buffer.from(statusText).toString('latin1'), fields: latin1(raw) };
    const isWritten =
      status < 200 ? writeInterim(this.#response, head) : writeHead(this.#response, head, this.#events.onFinal);
    if (!isWritten) {
      this.#abort?.(new EgressError('upstream-protocol'));
      return false;
    }
    if (status < 200) return true;
    this.#isWhole = status === 204 || status === 304;
    this.#resume = resume;
    this.#response.on('drain', resume);
    return true;
  }

  onData(chunk: Buffer): boolean {
    return this.#response.write(chunk);
  }

  onComplete(raw: string[] | Buffer[] | null): void {
    writeEnd(this.#response, latin1(raw ?? []));
    this.#finish(null);
    this.#upstream.release();
  }

  onUpgrade(_status: number, raw: Buffer[] | string[] | null, socket: Duplex): void {
    this.#finish(null);
    this.#events.onUpgraded(latin1(raw ?? []), socket);
  }

  onError(error: Error): void {
    // undici waits for the content whose length a 304 tells (RFC 9110 section 8.6): there is none.
    if (this.#isWhole) {
      writeEnd(this.#response, []);
      this.#finish(null);
      this.#upstream.discard();
      return;
    }
    const wasSent = this.#abort !== null;
    this.#finish({ error: asEgressError(error), wasSent });
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

function latin1(raw: readonly (Buffer | string)[]): string[] {
  return raw.map((part) => part.toString('latin1'));
}

function asEgressError(error: Error): EgressError {
  return error instanceof EgressError ? error : new EgressError(reasonOfUpstream(error), { cause: error });
}

function reasonOfUpstream(error: Error): Reason {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError)
    return 'upstream-timeout';
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError)
    return 'upstream-protocol';
  if (error instanceof errors.ClientDestroyedError) return 'upstream-reset';
  if (error instanceof errors.RequestContentLengthMismatchError) return 'malformed-request';
  if (error instanceof errors.SocketError) return /^bad /.test(error.message) ? 'upstream-protocol' : 'upstream-reset';
  if (error instanceof errors.UndiciError && error.code.startsWith('UND_ERR_RES')) return 'upstream-protocol';
  const code = 'code' in error ? error.code : null;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ETIMEDOUT' ? 'upstream-reset' : 'internal-error';
}
