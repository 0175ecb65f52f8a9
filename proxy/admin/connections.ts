/** Bounds on what the admin listener holds for whoever connects: a tool that reaches it has no token, but it can connect. */
import type { RequestListener, Server, ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopbackHost } from '../core/loopback.js';
import { peerAddress } from '../door/clients.js';
import { type CountedConnection, createConnectionLimits } from '../door/connection-limits.js';

/** In one header section: a browser's has 20, in less than 2 KiB. */
const ADMIN_HEADER_FIELDS = 64;
/** A tool that reaches this port has no token; nor may it keep silent connections open. */
export const ADMIN_BOUNDS: ServerOptions = {
  requestTimeout: 15_000,
  headersTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  maxHeaderSize: 8 * 1024,
};
/** 64 readers of the stream, and a dozen for the page and Prometheus. What a connection holds is at most some 32 KiB. */
const IN_FORCE = { settings: { limits: { connections: 128, connectionsPerClient: 96 } } };
const BOUNDS = { heard: 0, leastUnheard: 32 };
/** Requests on one connection that are not fully answered yet. Browsers and scrapers send one, and wait. */
const MOST_UNANSWERED = 8;

/**
 * Bounds the connections of `server`: those over a limit are closed unheard, and those without a whole request make room
 * for each other. Those that come from the tools' network are closed before a byte is read. Loopback has a count of its own, so that no tool keeps the health check out.
 */
export function boundConnections(server: Server, isFromTools: (socket: Socket) => boolean = () => false): void {
  server.maxHeadersCount = ADMIN_HEADER_FIELDS;
  const counts = new WeakMap<Socket, CountedConnection>();
  const [own, others] = [createConnectionLimits(IN_FORCE, BOUNDS), createConnectionLimits(IN_FORCE, BOUNDS)];
  server.prependListener('connection', (socket) => {
    if (isFromTools(socket)) socket.destroy();
  });
  server.on('connection', (socket) => {
    counts.set(socket, (isOwn(socket) ? own : others).follow(socket));
  });
  const count: RequestListener = ({ socket }, response) => {
    const counted = counts.get(socket);
    counted?.heard();
    response.on('finish', () => counted?.waits());
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, count);
}

/**
 * `answer`, except that a connection that sends requests faster than they are answered, or does not read the answers, is cut. Each
 * request takes kilobytes, and one packet holds more than a thousand.
 */
export function boundRequests(answer: RequestListener): RequestListener {
  const unanswered = new WeakMap<Socket, number>();
  return (request, response) => {
    const { socket } = request;
    const count = (unanswered.get(socket) ?? 0) + 1;
    if (count > MOST_UNANSWERED) return void socket.destroy();
    unanswered.set(socket, count);
    response.on('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
    answer(request, response);
  };
}

/** A process of this host or container. */
function isOwn({ remoteAddress, localAddress }: Socket): boolean {
  return remoteAddress === localAddress || isLoopbackHost(peerAddress(remoteAddress));
}
