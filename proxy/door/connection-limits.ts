/** How many connections are open, in all and for each client address, and how many of them have not said what they want. */
import type { Socket } from 'node:net';
import type { Limits } from '../config/config.js';
import { peerAddress } from './clients.js';

export interface ConnectionLimits {
  /**
   * Counts the connection until it closes. False: it is over a limit, and is to be heard only to be refused; a flood
   * beyond that is closed unheard.
   */
  enter(socket: Socket): boolean;
  /** The connection has said what it wants: its head or handshake is whole. */
  heard(socket: Socket): void;
  /** It waits for another request: until that is heard, it may be closed to make room, as one that says nothing. */
  waits(socket: Socket): void;
  readonly open: number;
  /** Resolves when none is open. A server says that it is closed before its last connection does. */
  empty(): Promise<void>;
}

/** How many connections over a limit are heard and refused with a reason, before they are a flood. */
export const HEARD = 1024;
/** Connections that have not said what they want: this part of the limit, and never less than LEAST_UNHEARD. */
const UNHEARD_PART = 1 / 4;
const LEAST_UNHEARD = 128;

export interface Bounds {
  /** How many connections over a limit are heard. */
  readonly heard?: number;
  /** How many may say nothing, however low the limit is. */
  readonly leastUnheard?: number;
  readonly onEnter?: () => void;
}

/** What one client has over its own limit takes nothing of the limit for all: it would lock the others out. */
export function createConnectionLimits(
  limits: () => Pick<Limits, 'connections' | 'connectionsPerClient'>,
  { heard = HEARD, leastUnheard = LEAST_UNHEARD, onEnter }: Bounds = {},
): ConnectionLimits {
  const connections = new Map<Socket, Connection>();
  const perClient = new Map<string, number>();
  const unheard = new Unheard();
  const whenEmpty: (() => void)[] = [];
  let admitted = 0;
  const leave = (socket: Socket): void => {
    const connection = connections.get(socket);
    if (connection === undefined) return;
    connections.delete(socket);
    if (connections.size === 0) for (const resolve of whenEmpty.splice(0)) resolve();
    unheard.delete(connection.address, socket);
    if (connection.isAdmitted) admitted -= 1;
    const left = (perClient.get(connection.address) ?? 1) - 1;
    if (left === 0) perClient.delete(connection.address);
    else perClient.set(connection.address, left);
  };
  const waits = (socket: Socket): void => {
    const connection = connections.get(socket);
    if (connection?.isAdmitted !== true) return;
    unheard.add(connection.address, socket);
    const silent = unheard.excess(Math.max(leastUnheard, limits().connections * UNHEARD_PART));
    if (silent === null) return;
    leave(silent);
    silent.destroy();
  };
  return {
    get open() {
      return connections.size;
    },
    empty: () => new Promise((resolve) => (connections.size === 0 ? resolve() : whenEmpty.push(resolve))),
    enter(socket) {
      const address = peerAddress(socket.remoteAddress);
      onEnter?.();
      const mine = (perClient.get(address) ?? 0) + 1;
      const most = limits();
      const isAdmitted = mine <= most.connectionsPerClient && admitted < most.connections;
      connections.set(socket, { address, isAdmitted });
      perClient.set(address, mine);
      if (isAdmitted) admitted += 1;
      socket.once('close', () => leave(socket));
      if (isAdmitted) waits(socket);
      else if (connections.size - admitted > heard) socket.destroy();
      return isAdmitted;
    },
    heard: (socket) => unheard.delete(connections.get(socket)?.address ?? '', socket),
    waits,
  };
}

interface Connection {
  readonly address: string;
  readonly isAdmitted: boolean;
}

/**
 * Silence costs a client nothing, and from a forged address it is all that a flood can do: so those who say nothing make
 * room for each other, and never fill the limit for all.
 */
class Unheard {
  readonly #clients = new Map<string, Set<Socket>>();
  #count = 0;

  add(address: string, socket: Socket): void {
    const sockets = this.#clients.get(address) ?? new Set();
    if (sockets.has(socket)) return;
    sockets.add(socket);
    this.#count += 1;
    this.#clients.set(address, sockets);
  }

  delete(address: string, socket: Socket): void {
    const sockets = this.#clients.get(address);
    if (sockets === undefined || !sockets.delete(socket)) return;
    this.#count -= 1;
    if (sockets.size === 0) this.#clients.delete(address);
  }

  /** Of the client that has most, the one that has waited longest; null where there are no more than `most`. */
  excess(most: number): Socket | null {
    if (this.#count <= most) return null;
    let largest: ReadonlySet<Socket> = new Set();
    for (const sockets of this.#clients.values()) if (sockets.size > largest.size) largest = sockets;
    const [first = null] = largest;
    return first;
  }
}
