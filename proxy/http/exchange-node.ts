/**
 * One request and its response with Node's client, for what undici does not carry: `Expect: 100-continue`, whose answer
 * is the origin's to give (RFC 9110 section 10.1.1), and trailers of a request. The connection is used once.
 */
import http, { type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { EgressError } from '../core/reasons.js';
import type { ExchangeFailure, ExchangeRequest } from './exchange-undici.js';
import { mayBeTrailer, values } from './fields.js';
import { writeEnd, writeHead, writeInterim } from './response-writer.js';

export interface NodeExchangeTerms {
  readonly expectsContinue: boolean;
  /** Without a byte in either direction for this long, the exchange has failed. */
  readonly idleTimeoutMs: number;
  readonly headerBytes: number;
  onFinal(status: number): void;
}

/** True where the request announces trailers or waits for `100 Continue`. */
export function needsNode(content: IncomingMessage | null, expectsContinue: boolean): content is IncomingMessage {
  if (content === null) return false;
  return expectsContinue || (isChunked(content) && values(content.rawHeaders, 'trailer').length > 0);
}

/** Null when the response is through. Takes `socket` over; never rejects. */
export function exchangeByNode(
  socket: Socket,
  request: ExchangeRequest & { readonly content: IncomingMessage },
  response: ServerResponse,
  terms: NodeExchangeTerms,
): Promise<ExchangeFailure | null> {
  return new Promise((resolve) => {
    const outgoing = begin(socket, request, terms);
    const settle = (error: EgressError | null): void => {
      response.off('close', onClientClose);
      outgoing.destroy();
      resolve(error === null ? null : { error, wasSent: true });
    };
    const onClientClose = (): void => settle(new EgressError('client-closed'));
    response.on('close', onClientClose);
    socket.setTimeout(terms.idleTimeoutMs, () => settle(new EgressError('upstream-timeout')));
    outgoing.on('error', (error) => settle(new EgressError(reasonOf(error), { cause: error })));
    outgoing.on('close', () => settle(new EgressError('upstream-reset')));
    outgoing.once('continue', () => {
      if (!terms.expectsContinue) return;
      response.writeContinue();
      sendContent(request.content, outgoing);
    });
    outgoing.on('information', ({ statusCode, statusMessage, rawHeaders }) => {
      const head = { status: statusCode, statusText: statusMessage, fields: rawHeaders };
      if (statusCode !== 100 && !writeInterim(response, head)) settle(new EgressError('upstream-protocol'));
    });
    outgoing.on('response', (answer) => receive(answer, response, terms.onFinal, settle));
    if (!terms.expectsContinue) sendContent(request.content, outgoing);
    if (response.destroyed) onClientClose();
  });
}

function begin(
  socket: Socket,
  { method, path, fields, content }: ExchangeRequest & { readonly content: IncomingMessage },
  terms: NodeExchangeTerms,
): ClientRequest {
  const headers = [
    ...(isChunked(content) ? [...fields, 'Transfer-Encoding', 'chunked'] : withoutTrailer(fields)),
    ...(terms.expectsContinue ? ['Expect', '100-continue'] : []),
    ...['Connection', 'close'],
  ];
  try {
    return http.request({
      createConnection: () => socket,
      method,
      path,
      headers,
      setHost: false,
      maxHeaderSize: terms.headerBytes,
      insecureHTTPParser: false,
    });
  } catch (error) {
    // Node checks the head before it takes the connection, which nobody else would close.
    socket.destroy();
    throw error;
  }
}

/** Only such content has trailers (RFC 9112 section 7.1.2): beside a length, Node takes no announcement of any. */
function isChunked(content: IncomingMessage): boolean {
  return values(content.rawHeaders, 'transfer-encoding').length > 0;
}

function withoutTrailer(fields: readonly string[]): string[] {
  const isTrailer = (i: number): boolean => fields[i - (i % 2)]?.toLowerCase() === 'trailer';
  return fields.filter((_, i) => !isTrailer(i));
}

/** Trailers go on only where they were announced and may be (RFC 9110 section 6.5.1): never what frames or routes. */
function sendContent(content: IncomingMessage, outgoing: ClientRequest): void {
  content.on('data', (chunk) => outgoing.write(chunk) || content.pause());
  outgoing.on('drain', () => content.resume());
  content.on('end', () => {
    const announced = new Set(
      values(content.rawHeaders, 'trailer')
        .join(',')
        .toLowerCase()
        .split(/\s*,\s*/),
    );
    const pairs: [string, string][] = [];
    for (let i = 0; i + 1 < content.rawTrailers.length; i += 2) {
      const name = content.rawTrailers[i] ?? '';
      if (announced.has(name.toLowerCase()) && mayBeTrailer(name)) pairs.push([name, content.rawTrailers[i + 1] ?? '']);
    }
    if (pairs.length > 0) outgoing.addTrailers(pairs);
    outgoing.end();
  });
}

function receive(
  answer: IncomingMessage,
  response: ServerResponse,
  onFinal: (status: number) => void,
  settle: (error: EgressError | null) => void,
): void {
  const head = { status: answer.statusCode ?? 0, statusText: answer.statusMessage ?? '', fields: answer.rawHeaders };
  if (!writeHead(response, head, onFinal)) {
    settle(new EgressError('upstream-protocol'));
    return;
  }
  const resume = (): void => void answer.resume();
  response.on('drain', resume);
  answer.on('data', (chunk) => response.write(chunk) || answer.pause());
  answer.on('error', () => settle(new EgressError('upstream-reset')));
  answer.on('end', () => {
    response.off('drain', resume);
    writeEnd(response, answer.rawTrailers);
    settle(null);
  });
}

function reasonOf(error: Error): 'upstream-protocol' | 'upstream-reset' {
  return 'code' in error && String(error.code).startsWith('HPE_') ? 'upstream-protocol' : 'upstream-reset';
}
