/** The HTTP doors' listener: counts each connection, and decides which door takes which request. */
import net from 'node:net';
import type { Reason } from '../core/reasons.js';
import { refusal } from '../core/refusal.js';
import type { AbsoluteTarget, Parsed } from '../core/target.js';
import type { Arrivals } from '../door/arrivals.js';
import { peerAddress } from '../door/clients.js';
import type { ConnectionLimits } from '../door/connection-limits.js';
import { EMPTY_TRACE } from '../door/flow.js';
import { OpenSet } from '../net/open-set.js';
import type { Side } from '../net/side.js';
import type { Door } from '../observe/record.js';
import { ClientConnection } from './client-connection.js';
import { connect } from './connect.js';
import type { ConnectionOptions, OpenConnection } from './connection-options.js';
import { forward } from './forward.js';
import { endSocket } from './refusal.js';
import type { RequestHead } from './request-head.js';
import { upgrade } from './upgrade.js';
import type { UpstreamPool } from './upstream-pool.js';

export interface ServerOptions {
  readonly arrivals: Arrivals;
  readonly pool: UpstreamPool;
  readonly connectionLimits: ConnectionLimits;
  /** Reads the Target of a request other than CONNECT. */
  readonly target: (request: RequestHead) => Parsed<AbsoluteTarget>;
  /** The door for a request that is neither CONNECT nor Upgrade. */
  readonly door: Door;
}

export interface ProxyServer {
  readonly server: net.Server;
  /** Ends the connections that wait for a request. */
  closeIdle(): void;
  closeAll(): void;
}

/** Not listening yet. Whatever a client sends ends in one of the doors, in a refusal, or in a closed connection. */
export function createProxyServer(options: ServerOptions): ProxyServer {
  const connections = new OpenSet<OpenConnection>();
  const perConnection = connectionOptions(options, connections);
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    new ClientConnection(socket, perConnection, options.connectionLimits.enter(socket));
  });
  return {
    server,
    closeIdle() {
      for (const connection of connections) if (connection.isWaiting) connection.destroy();
    },
    closeAll() {
      for (const connection of connections) connection.destroy();
    },
  };
}

function connectionOptions(options: ServerOptions, open: OpenSet<OpenConnection>): ConnectionOptions {
  const { arrivals, door, pool, target } = options;
  const forwards = { door, pool, target };
  const upgrades = { door: door === 'absolute' ? 'upgrade' : door, pool, target } as const;
  return {
    reads: arrivals.reads,
    deadlines: arrivals.deadlines,
    open,
    limits: () => arrivals.inForce.settings.limits,
    mayPersist: () => arrivals.running.mayPersist,
    running: arrivals.running,
    onDefect: arrivals.onDefect,
    claim: (socket, refuse) => arrivals.memory.claim('requests', peerAddress(socket.remoteAddress), refuse),
    serve: (request, response, owner) => forward(arrivals, { request, response, door: forwards, owner }),
    connect(head, client, takenOver) {
      if (door === 'absolute') connect(arrivals, head, client, takenOver);
      // A client that takes the proxy for the origin cannot ask for a tunnel.
      else refuse(options, client, 'not-origin-form');
    },
    upgrade(request, client, takenOver) {
      arrivals.track(client.socket, upgrade(arrivals, request, client, { ...takenOver, door: upgrades }));
    },
    refuse: (reason, client) => refuse(options, client, reason),
  };
}

function refuse({ arrivals, door }: ServerOptions, client: Side, reason: Reason): void {
  try {
    const flow = arrivals.arriveUnread(door, client.socket);
    endSocket(arrivals.deadlines, client, { flow, trace: EMPTY_TRACE, refusal: refusal(reason) });
  } catch (error) {
    // No deadline is left that would close it.
    arrivals.onDefect(error);
    client.socket.destroy();
  }
}
