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
import type { ExchangeEnd } from './exchanged.js';
import { listMembers, values } from './fields.js';
import { OriginTraits } from './origin-traits.js';
import { type Keeper, UpstreamConnection } from './upstream-connection.js';

/** For whom a connection is kept: the sender of the request. */
export interface Owner {
  /** The client's connection. */
  readonly connection: Socket;
  /** The name of a client that has shown its token, else null: an address, or credentials without a password, may be many users. */
  readonly tokenName: string | null;
  /** Who asks, token or not; absent: `tokenName`. */
  readonly client?: ClientIdentity;
}

/** Whose request was answered, and with which fields it went out. */
interface Sender extends Owner {
  readonly request: { readonly fields: readonly string[] };
  /** False if it came without credentials for the origin. */
  readonly mayBind: boolean;
}

type Answered = Extract<ExchangeEnd, { kind: 'answered' }>;

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

export class UpstreamPool implements Keeper {
  readonly traits = new OriginTraits();
  readonly #reads: DirectReads;
  readonly #deadlines: Deadlines;
  /** A few for each, the newest last. */
  readonly #byConnection = new WeakMap<Socket, UpstreamConnection[]>();
  readonly #byToken = new Map<string, UpstreamConnection[]>();
  readonly #kept = new OpenSet<UpstreamConnection>();
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
      this.onIdleLost(kept);
      const isFresh = kept.isBound || performance.now() - kept.since <= freshMs;
      if (isFresh && kept.isOpen) return kept;
      kept.close();
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
    const list = shares
      ? this.#listOfToken(owner.tokenName)
      : (this.#byConnection.get(owner.connection) ?? this.#newList(owner.connection));
    if (list.length >= IDLE_PER_KEY && list.filter((kept) => leadsTo(kept, target, address)).length >= IDLE_PER_KEY) {
      connection.close();
      return;
    }
    connection.client = owner.client ?? { name: owner.tokenName };
    connection.list = list;
    connection.since = performance.now();
    connection.until = connection.since + idleMs;
    this.#kept.add(connection);
    list.push(connection);
    connection.idle(this);
    this.#sweep ??= setTimeout(() => this.#closeOld(), SWEEP_MS);
  }

  /** After an answer: keeps the connection if it can take another request, and closes it otherwise. */
  settle(connection: UpstreamConnection, sender: Sender, { isReusable, head }: Answered): void {
    const { 'www-authenticate': challenge, 'keep-alive': patience } = head.noted;
    if (head.minor === 0 || !this.traits.isEmpty) this.traits.noteVersion(connection.target, head.minor);
    if (sender.mayBind && values(sender.request.fields, 'authorization').some(isBinding)) connection.isBound = true;
    if (challenge !== null && isBinding(challenge)) connection.isBound = true;
    if (isReusable) this.keep(connection, sender, patience === null ? null : patienceMs(patience));
    else connection.close();
  }

  /** Closes what is idle and would not be allowed any more. */
  review(isAllowed: (idle: IdleConnection) => boolean): void {
    for (const kept of this.#kept.all()) if (!isAllowed(kept)) this.#close(kept);
  }

  /** Closes what is idle. */
  close(): void {
    for (const kept of this.#kept.all()) this.#close(kept);
    if (this.#sweep !== null) clearTimeout(this.#sweep);
    this.#sweep = null;
  }

  #listOfToken(name: string): UpstreamConnection[] {
    const known = this.#byToken.get(name);
    if (known !== undefined) return known;
    const mine: UpstreamConnection[] = [];
    this.#byToken.set(name, mine);
    return mine;
  }

  /** The list is dropped along with the client's connection. */
  #newList(connection: Socket): UpstreamConnection[] {
    const mine: UpstreamConnection[] = [];
    this.#byConnection.set(connection, mine);
    connection.once('close', () => {
      for (const kept of [...mine]) this.#close(kept);
    });
    return mine;
  }

  #closeOld(): void {
    const now = performance.now();
    for (const kept of this.#kept.all()) if (kept.until <= now) this.#close(kept);
    this.#sweep = this.#kept.size === 0 ? null : setTimeout(() => this.#closeOld(), SWEEP_MS);
  }

  #close(kept: UpstreamConnection): void {
    this.onIdleLost(kept);
    kept.close();
  }

  /** It is no longer kept. */
  onIdleLost(kept: UpstreamConnection): void {
    if (!this.#kept.delete(kept)) return;
    const at = kept.list?.lastIndexOf(kept) ?? -1;
    if (at !== -1) kept.list?.splice(at, 1);
    kept.list = null;
  }
}

function newest(
  list: readonly UpstreamConnection[] | undefined,
  target: Target,
  address: Address,
): UpstreamConnection | null {
  for (let i = (list?.length ?? 0) - 1; i >= 0; i--) {
    const kept = list?.[i];
    if (kept !== undefined && leadsTo(kept, target, address)) return kept;
  }
  return null;
}

function leadsTo(kept: UpstreamConnection, { scheme, host, port }: Target, address: Address): boolean {
  const { target } = kept;
  if (target.port !== port || target.scheme !== scheme || kept.address.text !== address.text) return false;
  return sameHost(target.host, host);
}

/** RFC 4559 and NTLM: from here on the user belongs to the connection, not to the request. */
function isBinding(value: string): boolean {
  return /(?:^|,)[ \t]*(?:ntlm|negotiate|kerberos)\b/i.test(value);
}

/** What a server says in `Keep-Alive: timeout=5`, or null. */
function patienceMs(value: string): number | null {
  for (const parameter of listMembers(value)) {
    const seconds = /^timeout=(\d{1,6})$/.exec(parameter)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  return null;
}
