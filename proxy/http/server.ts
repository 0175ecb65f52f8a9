/** The HTTP doors' listener: counts each connection, and decides which door takes which request. */
import net from 'node:net';
import { refusal } from '../core/refusal.js';
import type { AbsoluteTarget, Parsed } from '../core/target.js';
import type { Arrivals } from '../door/arrivals.js';
import type { ConnectionLimits } from '../door/connection-limits.js';
import { EMPTY_TRACE } from '../door/flow.js';
import { OpenSet } from '../net/open-set.js';
import type { Side } from '../net/side.js';
import type { Door } from '../observe/record.js';
import type { ForwardDoor, ForwardOwner } from './asked.js';
import { ClientConnection } from './client-connection.js';
import type { ClientRequest } from './client-request.js';
import type { ClientResponse } from './client-response.js';
import { connect } from './connect.js';
import type { ConnectionOptions, HeadFault, OpenConnection, TakeOverOptions } from './connection-options.js';
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
  readonly target: (url: string, head: RequestHead) => Parsed<AbsoluteTarget>;
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
  const listener = new Listener(options);
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    new ClientConnection(socket, listener, options.connectionLimits.enter(socket));
  });
  return {
    server,
    closeIdle() {
      for (const connection of listener.open) if (connection.isWaiting) connection.socket.destroy();
    },
    closeAll() {
      for (const connection of listener.open) connection.socket.destroy();
    },
  };
}

class Listener implements ConnectionOptions {
  readonly arrivals: Arrivals;
  readonly open = new OpenSet<OpenConnection>();
  readonly #door: Door;
  readonly #forwards: ForwardDoor;
  readonly #upgrades: ForwardDoor;

  constructor({ arrivals, door, pool, target }: ServerOptions) {
    this.arrivals = arrivals;
    this.#door = door;
    this.#forwards = { door, pool, target };
    this.#upgrades = { door: door === 'absolute' ? 'upgrade' : door, pool, target };
  }

  serve(request: ClientRequest, response: ClientResponse, owner: ForwardOwner): void {
    forward(this.arrivals, { request, response, door: this.#forwards, owner });
  }

  connect(head: RequestHead, client: Side, takenOver: TakeOverOptions): void {
    if (this.#door === 'absolute') connect(this.arrivals, head, client, takenOver);
    // A client that takes the proxy for the origin cannot ask for a tunnel.
    else this.refuse('not-origin-form', client);
  }

  upgrade(request: ClientRequest, client: Side, takenOver: TakeOverOptions): void {
    const work = upgrade(this.arrivals, request, client, { ...takenOver, door: this.#upgrades });
    this.arrivals.running.track(client.socket, work);
  }

  refuse(reason: HeadFault | 'not-origin-form', client: Side): void {
    const { arrivals } = this;
    try {
      const flow = arrivals.arriveUnread(this.#door, client.socket);
      endSocket(arrivals.deadlines, client, { flow, trace: EMPTY_TRACE, refusal: refusal(reason) });
    } catch (error) {
      // No deadline is left that would close it.
      arrivals.onDefect(error);
      client.socket.destroy();
    }
  }
}
