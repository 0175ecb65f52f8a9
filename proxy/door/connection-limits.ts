/** How many connections are open, in all and per client address, and how many of them have not said what they want. */
import type { Socket } from 'node:net';
import type { LimitsInForce } from '../config/config.js';
import { OpenSet, type Placed } from '../net/open-set.js';
import type { Heir, Side } from '../net/side.js';
import { peerAddress } from './clients.js';
import type { Turns } from './turns.js';

export interface ConnectionLimits {
  /** Counts the connection until its owner says that it has `left`, as soon as the socket has closed. */
  enter(socket: Socket): CountedSide;
  /** Counts it until it closes. */
  follow(socket: Socket): CountedConnection;
  readonly open: number;
  /** Resolves when none is open. A server reports that it is closed before its last connection does. */
  empty(): Promise<void>;
}

/** One connection, which has said nothing yet. */
export interface CountedConnection {
  /** False: it is over a limit, and is heard only to be refused; a flood beyond that is closed unheard. */
  readonly isAdmitted: boolean;
  /** It has said what it wants: its head or handshake is whole. */
  heard(): void;
  /** It waits for another request: until that is heard, it counts as silent, and may be closed to make room. */
  waits(): void;
  /** It has closed. */
  left(): void;
}

/** To be `report`ed to by a door that has nothing else to do with the socket: it has left before its heir is told of the close. */
export interface CountedSide extends CountedConnection, Side, Heir {}

/** How many connections over a limit are heard and refused with a reason; any more are a flood. */
export const HEARD = 1024;
/** Connections that have not said what they want may take this part of the limit, and never less than LEAST_UNHEARD. */
const UNHEARD_PART = 1 / 4;
const LEAST_UNHEARD = 128;
/**
 * One client may have this many times what is free of the overall limit: the fuller it is, the less for each, and a
 * newcomer finds room. Ten addresses that take all they get leave one part in 41 free, a hundred leave one in 401.
 */
const TIMES_FREE = 4;

export interface Bounds {
  /** How many connections over a limit are heard. */
  readonly heard?: number;
  /** How many may be silent, however low the limit is. */
  readonly leastUnheard?: number;
  /** Are told of each connection. */
  readonly turns?: Pick<Turns, 'isAccepting'>;
}

type InForce = LimitsInForce<'connections' | 'connectionsPerClient'>;

/** What one client has over its own limit does not count towards the overall limit: it would lock the others out. */
export function createConnectionLimits(inForce: InForce, bounds: Bounds = {}): ConnectionLimits {
  return new OpenConnections(inForce, bounds);
}

class OpenConnections implements ConnectionLimits {
  open = 0;
  admitted = 0;
  unheard = 0;
  readonly clients = new Map<string, Client>();
  readonly #inForce: InForce;
  readonly #bounds: Required<Bounds>;
  readonly #whenEmpty: (() => void)[] = [];

  constructor(
    inForce: InForce,
    { heard = HEARD, leastUnheard = LEAST_UNHEARD, turns = { isAccepting: false } }: Bounds,
  ) {
    this.#inForce = inForce;
    this.#bounds = { heard, leastUnheard, turns };
  }

  empty(): Promise<void> {
    return new Promise((resolve) => (this.open === 0 ? resolve() : this.#whenEmpty.push(resolve)));
  }

  /** The last one has left. */
  tellEmpty(): void {
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  follow(socket: Socket): CountedConnection {
    const connection = this.enter(socket);
    socket.on('close', () => connection.left());
    return connection;
  }

  enter(socket: Socket): CountedSide {
    this.#bounds.turns.isAccepting = true;
    const client = this.#client(peerAddress(socket.remoteAddress));
    const { connections, connectionsPerClient } = this.#inForce.settings.limits;
    client.open += 1;
    this.open += 1;
    const hasRoom = client.admitted < TIMES_FREE * (connections - this.admitted);
    const isAdmitted = client.open <= connectionsPerClient && hasRoom;
    if (isAdmitted) this.admitted += 1;
    if (isAdmitted) client.admitted += 1;
    const connection = new Connection(this, client, socket, isAdmitted);
    if (isAdmitted) connection.waits();
    else if (this.open - this.admitted > this.#bounds.heard) socket.destroy();
    return connection;
  }

  #client(address: string): Client {
    const known = this.clients.get(address);
    if (known !== undefined) return known;
    const client = { address, open: 0, admitted: 0, unheard: new OpenSet<Connection>() };
    this.clients.set(address, client);
    return client;
  }

  /** One more is silent: beyond the bound, the longest-waiting one of the client that has the most of them is closed. */
  makeRoom(): void {
    const { leastUnheard } = this.#bounds;
    if (this.unheard <= leastUnheard || this.unheard <= this.#inForce.settings.limits.connections * UNHEARD_PART)
      return;
    let largest: OpenSet<Connection> | null = null;
    for (const { unheard } of this.clients.values()) if (unheard.size > (largest?.size ?? 0)) largest = unheard;
    const silent = largest?.first ?? null;
    silent?.left();
    silent?.socket.destroy();
  }
}

interface Client {
  readonly address: string;
  open: number;
  /** How many are within the limits. */
  admitted: number;
  /**
   * Those that have not said what they want, in the order in which they began to wait. Silence costs a client nothing, and a
   * forged address is capable of nothing else: so silent ones make room for each other, and never fill the overall limit.
   */
  readonly unheard: OpenSet<Connection>;
}

class Connection implements CountedSide, Placed<Connection> {
  readonly socket: Socket;
  readonly isAdmitted: boolean;
  before: Connection | null = null;
  behind: Connection | null = null;
  readonly #all: OpenConnections;
  readonly #client: Client;
  #heir: Heir | null = null;
  #isOpen = true;

  constructor(all: OpenConnections, client: Client, socket: Socket, isAdmitted: boolean) {
    this.#all = all;
    this.#client = client;
    this.socket = socket;
    this.isAdmitted = isAdmitted;
  }

  waits(): void {
    if (!this.isAdmitted || !this.#isOpen || !this.#client.unheard.add(this)) return;
    this.#all.unheard += 1;
    this.#all.makeRoom();
  }

  heard(): void {
    if (this.#client.unheard.delete(this)) this.#all.unheard -= 1;
  }

  inherit(heir: Heir): void {
    this.#heir = heir;
  }

  ended(): void {
    this.#heir?.ended();
  }

  closed(hadError: boolean): void {
    this.left();
    this.#heir?.closed(hadError);
  }

  left(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.heard();
    const [all, client] = [this.#all, this.#client];
    all.open -= 1;
    client.open -= 1;
    if (this.isAdmitted) all.admitted -= 1;
    if (this.isAdmitted) client.admitted -= 1;
    if (client.open === 0) all.clients.delete(client.address);
    if (all.open === 0) all.tellEmpty();
  }
}
