/** The HTTP doors' listener: counts each connection, and says which door takes which request. */
import type { IncomingMessage } from 'node:http';
import net, { type Socket } from 'node:net';
import type { Reason } from '../core/reasons.js';
import type { AbsoluteTarget, Parsed } from '../core/target.js';
import type { Doorway } from '../door/arrivals.js';
import { peerAddress } from '../door/clients.js';
import type { Budget } from '../door/connection-limits.js';
import type { Door } from '../observe/record.js';
import { ClientConnection, type ConnectionOptions } from './client-connection.js';
import { connect } from './connect.js';
import { forward } from './forward.js';
import { endSocket } from './refusal.js';
import { upgrade } from './upgrade.js';
import type { UpstreamPool } from './upstream-pool.js';

export interface ServerParts {
  readonly doorway: Doorway;
  readonly pool: UpstreamPool;
  readonly budget: Budget;
  /** Reads the Target of a request that is no CONNECT. */
  readonly target: (request: IncomingMessage) => Parsed<AbsoluteTarget>;
  /** The door of a request that is neither CONNECT nor Upgrade. */
  readonly door: Door;
}

export interface ProxyServer {
  readonly server: net.Server;
  /** Ends the connections that wait for a request. */
  closeIdle(): void;
  closeAll(): void;
}

/** Not listening yet. Whatever a client sends ends in one of the doors, in a refusal, or in a closed connection. */
export function createProxyServer(parts: ServerParts): ProxyServer {
  const connections = new Map<Socket, ClientConnection>();
  const options = optionsOf(parts);
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    const busy = !parts.budget.enter(socket);
    connections.set(socket, new ClientConnection(socket, options, busy));
    socket.on('close', () => connections.delete(socket));
  });
  return {
    server,
    closeIdle() {
      for (const [socket, connection] of connections) if (connection.isWaiting) socket.destroy();
    },
    closeAll() {
      for (const socket of connections.keys()) socket.destroy();
    },
  };
}

function optionsOf(parts: ServerParts): ConnectionOptions {
  const { doorway, budget, door, pool, target } = parts;
  return {
    reads: doorway.reads,
    limits: () => doorway.terms().limits,
    mayPersist: () => !doorway.isDraining,
    track: (socket, work) => doorway.track(socket, work),
    heard: (socket) => budget.heard(socket),
    waits: (socket) => budget.waits(socket),
    claim: (socket, refuse) => doorway.memory.claim('requests', peerAddress(socket.remoteAddress), refuse),
    keepEarly: (socket, rest) => doorway.keepEarly(socket, rest),
    serve: (request, response, terms) =>
      forward(doorway, request, response, { ...terms, door, pool, target, onUpgraded: null }),
    connect(head, socket, terms) {
      if (door === 'absolute') return doorway.track(socket, connect(doorway, head, socket, terms));
      // Whoever takes us for the origin has no tunnel to ask for.
      terms.early.drop();
      refuse(parts, socket, 'not-origin-form');
    },
    upgrade(request, socket, terms) {
      const upgradeTerms = { ...terms, door: door === 'absolute' ? 'upgrade' : door, pool, target } as const;
      doorway.track(socket, upgrade(doorway, request, socket, upgradeTerms));
    },
    refuse: (reason, socket) => refuse(parts, socket, reason),
  };
}

function refuse({ doorway, door }: ServerParts, socket: Socket, reason: Reason): void {
  endSocket(socket, doorway.arriveUnread(door, socket), { reason, rule: null, what: null });
}
