/**
 * The listener of the admin API. It answers probes itself, which come every few seconds without a token; the API is loaded
 * for the first request for anything else. Most sidecars never get one.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ANSWER_FIELDS } from './answer-fields.js';
import { ADMIN_BOUNDS, boundConnections, boundRequests } from './connections.js';
import { type Probed, readiness } from './readiness.js';

export interface FrontOptions extends Probed {
  /** True for a connection that comes from the tools' network: it is closed unheard, and loads nothing. */
  readonly isFromTools?: ((socket: Socket) => boolean) | undefined;
  /** What answers the rest. Called once, and again only if it failed. */
  load(): Promise<RequestListener>;
  /** A connection on which nothing moves is closed after this many milliseconds; absent: a minute. */
  readonly stalledMs?: number;
  /** `load` failed. */
  onDefect(error: unknown): void;
}

/** A stream says something every few seconds, and every other answer is short. */
const STALLED_MS = 60_000;
const FAILED = { status: 500, body: { error: 'internal-error', explanation: 'The proxy failed; its log says why.' } };

/** A clone was built again, or the package was updated in place: files that were not loaded yet are gone. */
const REPLACED = {
  status: 500,
  body: {
    error: 'internal-error',
    explanation:
      'The files of the program have been replaced since it started: restart it. It goes on proxying as before.',
  },
};

/** Not listening yet. */
export function createAdminServer(options: FrontOptions): Server {
  const behind = once(() => options.load(), options.onDefect);
  const answer: RequestListener = (request, response) => {
    // On the response itself: some answers of the framework come before its hooks.
    for (const [name, value] of Object.entries(ANSWER_FIELDS)) response.setHeader(name, value);
    const state = stateOf(request, options);
    if (state !== null) return send(request, response, state);
    behind().then(
      (loaded) => loaded(request, response),
      (error) => send(request, response, isMissing(error) ? REPLACED : FAILED),
    );
  };
  // What Node answers by itself lacks our fields, so it leaves these to us: access.ts checks Host, and any expectation is met.
  const server = createServer({ ...ADMIN_BOUNDS, keepAliveTimeout: 5000, requireHostHeader: false });
  const bounded = boundRequests(answer);
  for (const event of ['request', 'checkExpectation']) server.on(event, bounded);
  server.on('checkContinue', (request, response) => {
    // RFC 9110 section 10.1.1: a client may wait for it before it sends its content.
    response.writeContinue();
    bounded(request, response);
  });
  server.on('clientError', refuseHead);
  // Ends an answer that nobody reads, too: what is written to a full connection is no sign of life.
  server.setTimeout(options.stalledMs ?? STALLED_MS);
  boundConnections(server, options.isFromTools);
  return server;
}

/** For what is not HTTP, too large or too late. */
function refuseHead(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const status = STATUS[error.code ?? ''] ?? '400 Bad Request';
  const fields = Object.entries(ANSWER_FIELDS).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status}\r\n${fields.join('')}connection: close\r\ncontent-length: 0\r\n\r\n`, () =>
    socket.destroy(),
  );
}

const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && MISSING.has(String(error.code));
}

const MISSING: ReadonlySet<string> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ENOENT']);

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** Null: not a probe. Probes get a state and nothing else, whoever asks. */
function stateOf({ method, url = '' }: IncomingMessage, probed: Probed): Answer | null {
  if (method !== 'GET' && method !== 'HEAD') return null;
  const path = url.split('?', 1)[0];
  if (path === '/healthz') return { status: 200, body: { status: 'ok' } };
  return path === '/readyz' ? readiness(probed) : null;
}

function send({ method }: IncomingMessage, response: ServerResponse, { status, body }: Answer): void {
  const text = JSON.stringify(body);
  const fields = { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, { ...ANSWER_FIELDS, ...fields });
  response.end(method === 'HEAD' ? undefined : text);
}

/** `load`, called once while it is pending or after it has succeeded. `onDefect`: once per failure, however many wait for it. */
function once<T>(load: () => Promise<T>, onDefect: FrontOptions['onDefect']): () => Promise<T> {
  let pending: Promise<T> | null = null;
  return () => {
    pending ??= load().catch((error: unknown) => {
      pending = null;
      onDefect(error);
      throw error;
    });
    return pending;
  };
}
