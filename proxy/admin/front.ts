/**
 * The listener of the admin API. It answers probes itself, which come every few seconds without a token; the API is loaded
 * for the first request for anything else. Most sidecars never get one.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ANSWER_FIELDS } from './answer-fields.js';
import { ADMIN_BOUNDS, boundConnections, boundRequests } from './connections.js';
import { type Probed, readiness } from './readiness.js';

export interface FrontOptions extends Probed {
  /** True for a connection that comes from the tools' network: it is closed unheard, and loads nothing. */
  readonly isFromTools?: ((socket: Socket) => boolean) | undefined;
  /** What answers the rest. Called once, and again only if it failed. */
  load(): Promise<RequestListener>;
  /** `load` failed. */
  onDefect(error: unknown): void;
}

const FAILED = { status: 500, body: { error: 'internal-error', explanation: 'The proxy failed; its log says why.' } };

/** Not listening yet. */
export function createAdminServer(options: FrontOptions): Server {
  const behind = once(() => options.load(), options.onDefect);
  const answer: RequestListener = (request, response) => {
    const state = stateOf(request, options);
    if (state !== null) return send(request, response, state);
    behind().then(
      (loaded) => loaded(request, response),
      () => send(request, response, FAILED),
    );
  };
  const server = createServer({ ...ADMIN_BOUNDS, keepAliveTimeout: 5000 }, boundRequests(answer));
  boundConnections(server, options.isFromTools);
  return server;
}

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
