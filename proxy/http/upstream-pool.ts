/**
 * Idle connections to origins. The key holds the vetted address, and a connection is taken only by a request whose own
 * Permit holds that address. An address is many users (a gateway, a published port), so that connections are shared
 * only within one connection of a client, or by a client that has shown a token; a connection whose origin may have
 * bound an authentication to it (NTLM, Negotiate) stays with the one connection of the client that authenticated.
 */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import { type ClientIdentity, isIssued, type Permit } from '../core/policy.js';
import { authorityText, type Target } from '../core/target.js';
import type { IdleConnection } from '../door/standings.js';
import type { Dialed } from '../net/dialer.js';
import type { DirectReads } from '../net/direct-io.js';
import { OpenSet } from '../net/open-set.js';
import { createOriginTraits } from './origin-traits.js';
import { UpstreamConnection } from './upstream-connection.js';

/** For whom a connection is kept: the one who sends the request. */
export interface Owner {
  /** The client's connection. */
  readonly connection: Socket;
  /** The name of a client that has shown its token, else null: an address, and credentials without a password, are many users. */
  readonly tokenName: string | null;
  /** Who asks, whatever it has shown; without it, `tokenName`. */
  readonly client?: ClientIdentity;
}

export interface Upstream {
  readonly connection: UpstreamConnection;
  readonly address: Address;
  /** After a response that ended well: keeps the connection. `patienceMs`: how long the origin does so, or null. */
  keep(patienceMs: number | null): void;
  /** After anything else. */
  discard(): void;
}

/** Below what servers grant: five seconds by default in Node, uvicorn and Apache. */
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
  readonly key: string;
  readonly pool: Map<string, Kept[]>;
  readonly since: number;
  readonly until: number;
  /** Among all that are kept. */
  place: number;
}

export class UpstreamPool {
  readonly traits = createOriginTraits();
  readonly #reads: DirectReads;
  readonly #byConnection = new WeakMap<Socket, Map<string, Kept[]>>();
  readonly #byToken = new Map<string, Kept[]>();
  readonly #kept = new OpenSet<Kept>();
  #sweep: NodeJS.Timeout | null = null;

  constructor(reads: DirectReads) {
    this.#reads = reads;
  }

  /**
   * An idle connection that this permit covers, or null. `freshMs`: the longest that it may have been idle, for requests
   * that cannot be repeated where the origin is just closing it.
   */
  take(permit: Permit, owner: Owner, freshMs: number): Upstream | null {
    if (!isIssued(permit)) throw new TypeError(NOT_ISSUED);
    for (const address of permit.addresses) {
      const key = keyOf(permit.target, address);
      const kept = this.#byConnection.get(owner.connection)?.get(key)?.at(-1) ?? this.#shared(owner, key);
      if (kept === undefined) continue;
      this.#remove(kept);
      const isFresh = kept.connection.isBound || performance.now() - kept.since <= freshMs;
      if (isFresh && kept.connection.isOpen) return this.#upstream(kept.connection, permit.target, owner);
      kept.connection.close();
    }
    return null;
  }

  /** Takes over a socket that was dialled for this permit, TLS included where the scheme says so. */
  adopt(permit: Permit, owner: Owner, { socket, address }: Dialed): Upstream {
    if (!isIssued(permit)) throw new TypeError(NOT_ISSUED);
    const connection = new UpstreamConnection(socket, address, this.#reads);
    return this.#upstream(connection, permit.target, owner);
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

  #shared({ tokenName }: Owner, key: string): Kept | undefined {
    return tokenName === null ? undefined : this.#byToken.get(`${tokenName} ${key}`)?.at(-1);
  }

  #upstream(connection: UpstreamConnection, target: Target, owner: Owner): Upstream {
    return {
      connection,
      address: connection.address,
      keep: (patienceMs) => this.#keep(connection, target, owner, patienceMs),
      discard: () => connection.close(),
    };
  }

  #keep(connection: UpstreamConnection, target: Target, owner: Owner, patienceMs: number | null): void {
    const { address } = connection;
    const key = keyOf(target, address);
    const { isBound } = connection;
    const most = isBound ? BOUND_IDLE_MS : IDLE_MS;
    const idleMs = patienceMs === null ? most : Math.min(most, patienceMs - MARGIN_MS);
    const isShared = owner.tokenName !== null && !isBound;
    const pool = isShared ? this.#byToken : this.#poolOf(owner.connection);
    const poolKey = isShared ? `${owner.tokenName} ${key}` : key;
    const list = pool.get(poolKey) ?? [];
    const hasRoom = list.length < IDLE_PER_KEY && this.#kept.size < IDLE_IN_ALL;
    if (idleMs <= 0 || !hasRoom || (!isShared && owner.connection.destroyed)) {
      connection.close();
      return;
    }
    const since = performance.now();
    const client = owner.client ?? { name: owner.tokenName };
    const until = since + idleMs;
    const kept: Kept = { connection, target, address, client, key: poolKey, pool, since, until, place: -1 };
    list.push(kept);
    pool.set(poolKey, list);
    kept.place = this.#kept.add(kept);
    connection.idle(() => this.#remove(kept));
    this.#sweep ??= setTimeout(() => this.#closeOld(), SWEEP_MS);
  }

  /** Goes with the connection of the client. */
  #poolOf(connection: Socket): Map<string, Kept[]> {
    const known = this.#byConnection.get(connection);
    if (known !== undefined) return known;
    const mine = new Map<string, Kept[]>();
    this.#byConnection.set(connection, mine);
    connection.once('close', () => {
      for (const kept of [...mine.values()].flat()) this.#close(kept);
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
    const left = kept.pool.get(kept.key)?.filter((one) => one !== kept) ?? [];
    if (left.length === 0) kept.pool.delete(kept.key);
    else kept.pool.set(kept.key, left);
  }
}

function keyOf(target: Target, address: Address): string {
  return `${target.scheme}://${authorityText(target)}@${address.text}`;
}
