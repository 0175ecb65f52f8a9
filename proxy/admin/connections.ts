/** What the admin listener holds for whoever connects: a tool that reaches it has no token, but it can connect. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopbackHost } from '../config/cross-checks.js';
import { peerAddress } from '../door/clients.js';
import { type Budget, createBudget } from '../door/connection-limits.js';

/** Of one header section, and how many fields are kept of it: a browser's has less than 2 KiB and 20. */
export const ADMIN_HEADER_BYTES = 8 * 1024;
const ADMIN_HEADER_FIELDS = 64;
/** 64 readers of the stream, and a dozen for the page and Prometheus. What a connection holds is at most some 32 KiB. */
const LIMITS = { connections: 128, connectionsPerClient: 96 };
const BOUNDS = { heard: 0, leastUnheard: 32 };

/**
 * Bounds the connections of `server`: those over a limit are closed unheard, and those without a whole request make room
 * for each other. Loopback has a count of its own, so that no tool keeps the health check out.
 */
export function boundConnections(server: Server): void {
  server.maxHeadersCount = ADMIN_HEADER_FIELDS;
  const budgets = new WeakMap<Socket, Budget>();
  const [own, others] = [createBudget(() => LIMITS, BOUNDS), createBudget(() => LIMITS, BOUNDS)];
  server.on('connection', (socket) => {
    const budget = isOwn(socket) ? own : others;
    budgets.set(socket, budget);
    budget.enter(socket);
  });
  server.on('request', ({ socket }, response) => {
    const budget = budgets.get(socket);
    budget?.heard(socket);
    response.on('finish', () => budget?.waits(socket));
  });
}

/** A process of this host or container. */
function isOwn({ remoteAddress, localAddress }: Socket): boolean {
  return remoteAddress === localAddress || isLoopbackHost(peerAddress(remoteAddress));
}
