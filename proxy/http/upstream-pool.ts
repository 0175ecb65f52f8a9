/**
 * Idle connections to origins. Each is kept under its vetted address, and only reused for a request whose own
 * Permit holds that address. One client address may be many users (a gateway, a published port), so connections are shared
 * only within one client connection, or by a client that has shown a token; a connection whose origin may have
 * bound an authentication to it (NTLM, Negotiate) stays with the client connection that authenticated.
 */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import { type ClientIdentity, isIssued, type Permit } from '../core/policy.js';
import { sameHost, type Target } from '../core/target.js';
import type { IdleConnection } from '../door/standings.js';
import type { Deadlines } from '../net/deadlines.js';
import type { Dialed } from '../net/dialer.js';
import type { DirectReads } from '../net/direct-io.js';
import { OpenSet } from '../net/open-set.js';
import { createOriginTraits } from './origin-traits.js';
import { UpstreamConnection } from './upstream-connection.js';

/** For whom a connection is kept: the sender of the request. */
export interface Owner {
  /** The client's connection. */
  readonly connection: Socket;
  /** The name of a client that has shown its token, else null: an address, or credentials without a password, may be many users. */
  readonly tokenName: string | null;
  /** Who asks, token or not; absent: `tokenName`. */
  readonly client?: ClientIdentity;
}

/** Less than servers grant: five seconds by default in Node, uvicorn and Apache. */
const IDLE_MS = 4000;
/** As long as a client may think about a challenge. */
const BOUND_IDLE_MS = 60_000;
/** Time for a request to arrive before the origin ends the connection. */
const MARGIN_MS = 1000;
const IDLE_PER_KEY = 32;
const IDLE_IN_ALL = 1024;
const SWEEP_MS = 500;
const NOT_ISSUED = 'the pool takes what the policy has issued, and this is no such Permit';

interface Kept extends IdleConnection {
  readonly connection: UpstreamConnection;
  /** The list it is kept in: that of one client connection, or of one token. */
  readonly list: Kept[];
  readonly since: number;
  readonly until: number;
  /** Its place among all that are kept. */
  place: number;
}

export class UpstreamPool {
  readonly traits = createOriginTraits();
  readonly #reads: DirectReads;
  readonly #deadlines: Deadlines;
  /** A few for each, the newest last. */
  readonly #byConnection = new WeakMap<Socket, Kept[]>();
  readonly #byToken = new Map<string, Kept[]>();
  readonly #kept = new OpenSet<Kept>();
  #sweep: NodeJS.Timeout | null = null;

  constructor(reads: DirectReads, deadlines: Deadlines) {
    this.#reads = reads;
    this.#deadlines = deadlines;
  }

  /**
   * An idle connection that this permit covers, or null. `freshMs`: the longest that it may have been idle, for requests
   * that cannot be repeated if the origin is just closing it.
   */
  take(permit: Permit, { connection, tokenName }: Owner, freshMs: number): UpstreamConnection | null {
    if (!isIssued(permit)) throw new TypeError(NOT_ISSUED);
    const own = this.#byConnection.get(connection);
    const shared = tokenName === null ? undefined : this.#byToken.get(tokenName);
    for (let i = 0; i < permit.addresses.length; i++) {
      const address = permit.addresses[i];
      if (address === undefined) break;
      const kept = newest(own, permit.target, address) ?? newest(shared, permit.target, address);
      if (kept === null) continue;
      this.#remove(kept);
      const isFresh = kept.connection.isBound || performance.now() - kept.since <= freshMs;
      if (isFresh && kept.connection.isOpen) return kept.connection;
      kept.connection.close();
    }
    return null;
  }

  /** Takes over a socket that was dialled for this permit, with TLS if the scheme says so. */
  adopt(permit: Permit, { socket, address }: Dialed): UpstreamConnection {
    if (!isIssued(permit)) throw new TypeError(NOT_ISSUED);
    const { target } = permit;
    return new UpstreamConnection(socket, { target, address, reads: this.#reads, deadlines: this.#deadlines });
  }

  /**
   * After a response that ended well: for the target that the connection was adopted for, whoever had it last.
   * `patienceMs`: how long the origin keeps the connection, or null.
   */
  keep(connection: UpstreamConnection, owner: Owner, patienceMs: number | null): void {
    const { target, address, isBound } = connection;
    const most = isBound ? BOUND_IDLE_MS : IDLE_MS;
    const idleMs = patienceMs === null ? most : Math.min(most, patienceMs - MARGIN_MS);
    const shares = owner.tokenName !== null && !isBound;
    if (idleMs <= 0 || this.#kept.size >= IDLE_IN_ALL || (!shares && owner.connection.destroyed)) {
      connection.close();
      return;
    }
    const list = shares ? this.#listOfToken(owner.tokenName) : this.#listOf(owner.connection);
    if (list.length >= IDLE_PER_KEY && list.filter((kept) => leadsTo(kept, target, address)).length >= IDLE_PER_KEY) {
      connection.close();
      return;
    }
    const since = performance.now();
    const client = owner.client ?? { name: owner.tokenName };
    const kept: Kept = { connection, target, address, client, list, since, until: since + idleMs, place: -1 };
    list.push(kept);
    kept.place = this.#kept.add(kept);
    connection.idle(() => this.#remove(kept));
    this.#sweep ??= setTimeout(() => this.#closeOld(), SWEEP_MS);
  }

  /** Closes what is idle and would not be allowed any more. */
  review(isAllowed: (idle: IdleConnection) => boolean): void {
    for (const kept of [...this.#kept]) if (!isAllowed(kept)) this.#close(kept);
  }

  /** Closes what is idle. */
  close(): void {
    for (const kept of [...this.#kept]) this.#close(kept);
    if (this.#sweep !== null) clearTimeout(this.#sweep);
    this.#sweep = null;
  }

  #listOfToken(name: string): Kept[] {
    const known = this.#byToken.get(name);
    if (known !== undefined) return known;
    const mine: Kept[] = [];
    this.#byToken.set(name, mine);
    return mine;
  }

  /** The list is dropped along with the client's connection. */
  #listOf(connection: Socket): Kept[] {
    const known = this.#byConnection.get(connection);
    if (known !== undefined) return known;
    const mine: Kept[] = [];
    this.#byConnection.set(connection, mine);
    connection.once('close', () => {
      for (const kept of [...mine]) this.#close(kept);
    });
    return mine;
  }

  #closeOld(): void {
    const now = performance.now();
    for (const kept of [...this.#kept]) if (kept.until <= now) this.#close(kept);
    this.#sweep = this.#kept.size === 0 ? null : setTimeout(() => this.#closeOld(), SWEEP_MS);
  }

  #close(kept: Kept): void {
    this.#remove(kept);
    kept.connection.close();
  }

  #remove(kept: Kept): void {
    if (!this.#kept.delete(kept.place, kept)) return;
    const at = kept.list.lastIndexOf(kept);
    if (at !== -1) kept.list.splice(at, 1);
  }
}

function newest(list: readonly Kept[] | undefined, target: Target, address: Address): Kept | null {
  for (let i = (list?.length ?? 0) - 1; i >= 0; i--) {
    const kept = list?.[i];
    if (kept !== undefined && leadsTo(kept, target, address)) return kept;
  }
  return null;
}

function leadsTo(kept: Kept, { scheme, host, port }: Target, address: Address): boolean {
  const { target } = kept;
  if (target.port !== port || target.scheme !== scheme || kept.address.text !== address.text) return false;
  return sameHost(target.host, host);
}
