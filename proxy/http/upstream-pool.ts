/**
 * Idle connections to origins. One undici Client is one connection: it is given the socket that the dialer opened, and
 * never opens another. The key holds the vetted address, and a connection is taken only by a request whose own Permit
 * holds that address. Clients share none: some servers bind an authentication to the connection.
 */
import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import Client from 'undici/lib/dispatcher/client.js';
import type { Address } from '../core/address.js';
import { isIssued, type Permit } from '../core/policy.js';
import { EgressError } from '../core/reasons.js';
import { authorityText, type Target } from '../core/target.js';
import type { Dialed } from '../net/dialer.js';

export interface Upstream {
  readonly client: Client;
  readonly address: Address;
  /** True where the connection has served before: the origin may have closed it meanwhile. */
  readonly isReused: boolean;
  /** After a response that ended well: keeps the connection for the next request. */
  release(): void;
  /** After anything else. */
  discard(): void;
}

/** Whose connection it is: the client's address, and its name where the configuration has one. */
export interface Owner {
  readonly address: string;
  readonly name: string | null;
}

export interface UpstreamPoolTerms {
  /** Between two pieces of a response, and before its head. */
  readonly idleTimeoutMs: () => number;
}

/** Of a response's header section: more than Node's 16 KiB, as browsers take. */
export const RESPONSE_HEADER_BYTES = 64 * 1024;
const IDLE_MS = 4000;
const IDLE_PER_KEY = 32;
const IDLE_IN_ALL = 1024;
const NOT_ISSUED = 'the pool takes what the policy has issued, and this is no such Permit';

export class UpstreamPool {
  readonly #terms: UpstreamPoolTerms;
  readonly #idle = new Map<string, Client[]>();
  #idleCount = 0;

  constructor(terms: UpstreamPoolTerms) {
    this.#terms = terms;
  }

  /** An idle connection that this permit covers, or null. */
  take(permit: Permit, owner: Owner): Upstream | null {
    if (!isIssued(permit)) throw new TypeError(NOT_ISSUED);
    for (const address of permit.addresses) {
      const key = keyOf(permit.target, address, owner);
      const client = this.#idle.get(key)?.at(-1);
      if (client === undefined) continue;
      this.#remove(key, client);
      return this.#upstream(key, client, address, true);
    }
    return null;
  }

  /** Takes over a socket that was dialled for this permit, TLS included where the scheme says so. */
  adopt(permit: Permit, owner: Owner, { socket, address }: Dialed): Upstream {
    if (!isIssued(permit)) throw new TypeError(NOT_ISSUED);
    const key = keyOf(permit.target, address, owner);
    const client = this.#client(permit.target, socket);
    client.on('disconnect', () => {
      this.#remove(key, client);
      discard(client);
    });
    return this.#upstream(key, client, address, false);
  }

  /** Closes what is idle. */
  close(): void {
    for (const clients of [...this.#idle.values()]) for (const client of [...clients]) discard(client);
  }

  #upstream(key: string, client: Client, address: Address, isReused: boolean): Upstream {
    return { client, address, isReused, release: () => this.#keep(key, client), discard: () => discard(client) };
  }

  #client(target: Target, socket: Socket): Client {
    let unused: Socket | null = socket;
    const give = (callback: buildConnector.Callback): void => {
      const given = unused;
      unused = null;
      if (given === null) callback(new EgressError('upstream-reset'), null);
      else callback(null, given);
    };
    const timeout = this.#terms.idleTimeoutMs();
    return new Client(`${target.scheme ?? 'http'}://${authorityText(target)}`, {
      pipelining: 1,
      keepAliveTimeout: IDLE_MS,
      headersTimeout: timeout,
      bodyTimeout: timeout,
      maxHeaderSize: RESPONSE_HEADER_BYTES,
      // Never in the same turn: undici ignores a connection that stands before its own call returns.
      connect: (_options, callback) => queueMicrotask(() => give(callback)),
    });
  }

  #keep(key: string, client: Client): void {
    const clients = this.#idle.get(key) ?? [];
    if (client.destroyed || clients.length >= IDLE_PER_KEY || this.#idleCount >= IDLE_IN_ALL) {
      discard(client);
      return;
    }
    clients.push(client);
    this.#idle.set(key, clients);
    this.#idleCount += 1;
  }

  #remove(key: string, client: Client): void {
    const clients = this.#idle.get(key);
    const at = clients?.indexOf(client) ?? -1;
    if (clients === undefined || at === -1) return;
    clients.splice(at, 1);
    this.#idleCount -= 1;
    if (clients.length === 0) this.#idle.delete(key);
  }
}

function discard(client: Client): void {
  if (!client.destroyed) client.destroy().catch(() => undefined);
}

function keyOf(target: Target, address: Address, owner: Owner): string {
  return `${target.scheme}://${authorityText(target)}@${address.text} for ${owner.address} ${owner.name ?? ''}`;
}
