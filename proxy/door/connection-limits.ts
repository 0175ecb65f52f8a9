/** How many connections are open, in all and per client address, and how many of them have not said what they want. */
import type { Socket } from 'node:net';
import type { LimitsInForce } from '../config/config.js';
import { peerAddress } from './clients.js';
import type { Turns } from './turns.js';

export interface ConnectionLimits {
  /** Counts the connection until it closes. */
  enter(socket: Socket): CountedConnection;
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
}

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
  readonly #inForce: InForce;
  readonly #bounds: Required<Bounds>;
  readonly #clients = new Map<string, Client>();
  readonly #whenEmpty: (() => void)[] = [];
  #admitted = 0;
  #unheard = 0;

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

  enter(socket: Socket): CountedConnection {
    this.#bounds.turns.isAccepting = true;
    const client = this.#client(peerAddress(socket.remoteAddress));
    const { connections, connectionsPerClient } = this.#inForce.settings.limits;
    client.open += 1;
    this.open += 1;
    const hasRoom = client.admitted < TIMES_FREE * (connections - this.#admitted);
    const isAdmitted = client.open <= connectionsPerClient && hasRoom;
    if (isAdmitted) this.#admitted += 1;
    if (isAdmitted) client.admitted += 1;
    const connection = new Connection(this, { socket, client, isAdmitted });
    follow(socket, connection);
    if (isAdmitted) this.waits(connection);
    else if (this.open - this.#admitted > this.#bounds.heard) socket.destroy();
    return connection;
  }

  waits(connection: Connection): void {
    if (!connection.isAdmitted || !connection.isOpen || !connection.client.unheard.add(connection)) return;
    this.#unheard += 1;
    const most = Math.max(this.#bounds.leastUnheard, this.#inForce.settings.limits.connections * UNHEARD_PART);
    if (this.#unheard <= most) return;
    const silent = this.#longestOfMost();
    silent?.leave();
    silent?.socket.destroy();
  }

  heard(connection: Connection): void {
    if (connection.client.unheard.delete(connection)) this.#unheard -= 1;
  }

  left(connection: Connection): void {
    const { client, isAdmitted } = connection;
    this.heard(connection);
    this.open -= 1;
    client.open -= 1;
    if (isAdmitted) this.#admitted -= 1;
    if (isAdmitted) client.admitted -= 1;
    if (client.open === 0) this.#clients.delete(client.address);
    if (this.open === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }

  #client(address: string): Client {
    const known = this.#clients.get(address);
    if (known !== undefined) return known;
    const client = { address, open: 0, admitted: 0, unheard: new Line() };
    this.#clients.set(address, client);
    return client;
  }

  /** The longest-waiting silent connection of the client that has the most of them. */
  #longestOfMost(): Connection | null {
    let largest: Line | null = null;
    for (const { unheard } of this.#clients.values()) if (unheard.length > (largest?.length ?? 0)) largest = unheard;
    return largest?.first ?? null;
  }
}

interface Client {
  readonly address: string;
  open: number;
  /** How many are within the limits. */
  admitted: number;
  /**
   * Those that have not said what they want. Silence costs a client nothing, and a forged address is capable of nothing
   * else: so silent ones make room for each other, and never fill the overall limit.
   */
  readonly unheard: Line;
}

class Connection implements CountedConnection {
  readonly socket: Socket;
  readonly client: Client;
  readonly isAdmitted: boolean;
  isOpen = true;
  /** Its neighbours in the line. */
  before: Connection | null = null;
  behind: Connection | null = null;
  readonly #all: OpenConnections;

  constructor(all: OpenConnections, of: { socket: Socket; client: Client; isAdmitted: boolean }) {
    this.#all = all;
    this.socket = of.socket;
    this.client = of.client;
    this.isAdmitted = of.isAdmitted;
  }

  heard(): void {
    this.#all.heard(this);
  }

  waits(): void {
    this.#all.waits(this);
  }

  leave(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#all.left(this);
  }
}

const COUNTED = Symbol('counted');
type Followed = Socket & { [COUNTED]?: Connection };

/** Without a closure for each. */
function follow(socket: Socket, connection: Connection): void {
  const followed: Followed = socket;
  followed[COUNTED] = connection;
  socket.on('close', onClose);
}

function onClose(this: Followed): void {
  this[COUNTED]?.leave();
}

/** In the order in which they began to wait; linked, so that nothing remains of those that are gone (see OpenSet). */
class Line {
  length = 0;
  first: Connection | null = null;
  #last: Connection | null = null;

  /** False if it is already in the line. */
  add(one: Connection): boolean {
    if (this.#has(one)) return false;
    one.before = this.#last;
    if (this.#last === null) this.first = one;
    else this.#last.behind = one;
    this.#last = one;
    this.length += 1;
    return true;
  }

  /** False if it is not in the line. */
  delete(one: Connection): boolean {
    if (!this.#has(one)) return false;
    const { before, behind } = one;
    if (before === null) this.first = behind;
    else before.behind = behind;
    if (behind === null) this.#last = before;
    else behind.before = before;
    one.before = null;
    one.behind = null;
    this.length -= 1;
    return true;
  }

  #has(one: Connection): boolean {
    return one.before !== null || this.first === one;
  }
}
