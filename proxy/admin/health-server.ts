/**
 * Health and metrics alone, for probes and Prometheus where the admin API is to stay on loopback: no token, no
 * decisions, nothing that can be changed. Any Host is answered, since a kubelet asks by the pod's address and Prometheus by
 * a name; a DNS-rebinding page would learn nothing but counters.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Registry } from 'prom-client';
import { ADMIN_BOUNDS, boundConnections } from './connections.js';
import { type Probed, readiness } from './readiness.js';

export interface HealthOptions extends Probed {
  readonly registry: Pick<Registry, 'metrics' | 'contentType'>;
  /** True for a connection that comes from the tools' network: it is closed unheard. */
  readonly isFromTools: (socket: Socket) => boolean;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const JSON_TYPE = 'application/json; charset=utf-8';
const NOTHING: Answer = { status: 404, type: JSON_TYPE, body: '{"error":"not-found"}' };
const FAILED: Answer = { status: 500, type: JSON_TYPE, body: '{"error":"internal-error"}' };

/** Not listening yet. */
export function createHealthServer(options: HealthOptions): Server {
  const metrics = oneAtATime(() => options.registry.metrics());
  const server = createServer(ADMIN_BOUNDS, (request, response) => {
    answerOf(request, options, metrics).then(
      (answer) => send(request, response, answer),
      () => send(request, response, FAILED),
    );
  });
  // Cuts a client that asks and does not read, so that nobody else's connection waits for it.
  server.timeout = 15_000;
  boundConnections(server, options.isFromTools);
  return server;
}

async function answerOf(
  { method, url = '' }: IncomingMessage,
  options: HealthOptions,
  metrics: () => Promise<string>,
): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return NOTHING;
  switch (url.split('?', 1)[0]) {
    case '/healthz':
      return json(200, { status: 'ok' });
    case '/readyz': {
      const { status, body } = readiness(options);
      return json(status, body);
    }
    case '/metrics':
      return { status: 200, type: options.registry.contentType, body: await metrics() };
    default:
      return NOTHING;
  }
}

function json(status: number, body: object): Answer {
  return { status, type: JSON_TYPE, body: JSON.stringify(body) };
}

/**
 * One answer per connection: a request with content is not read to its end, and of hundreds sent at once, each
 * for all of the metrics, only the first is answered. A tool's pod may reach this, and the doors share its event loop.
 */
function send({ method }: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
  if (response.socket === null || response.socket.destroyed) return;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(method === 'HEAD' ? undefined : body);
}

/** Whoever asks while an answer is being made gets that answer: a crowd costs as much as one caller. */
function oneAtATime(make: () => Promise<string>): () => Promise<string> {
  let pending: Promise<string> | null = null;
  return () => {
    pending ??= make().finally(() => {
      pending = null;
    });
    return pending;
  };
}
