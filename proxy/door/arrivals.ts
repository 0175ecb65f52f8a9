/** What every door shares: who asks, the attempt and its record, and its tunnel. */
import type { Socket } from 'node:net';
import type { ClientEntry, Limits } from '../config/config.js';
import type { DnsName } from '../core/host-pattern.js';
import { type Policy, policyFor } from '../core/policy.js';
import type { DirectReads } from '../net/direct-io.js';
import type { Screen } from '../net/first-bytes.js';
import type { MemoryBudget } from '../net/memory-budget.js';
import { relay } from '../net/relay.js';
import type { DecisionSink, Door } from '../observe/record.js';
import type { Gate } from './admit.js';
import { createAskedNames } from './asked-names.js';
import type { Labels } from './client-labels.js';
import { type Credentials, type Identified, identify, namesByToken, type Origin, peerAddress } from './clients.js';
import { type Early, keepEarly } from './early-data.js';
import { Attempt, type Client } from './flow.js';
import type { Leases } from './leases.js';
import { Running } from './running.js';
import { createTurns } from './turns.js';

/** The parts of the configuration that a reload replaces. */
export interface Terms {
  readonly policy: Policy;
  readonly clients: readonly ClientEntry[];
  readonly limits: Limits;
}

export interface DoorwayParts {
  readonly gate: Gate;
  readonly terms: () => Terms;
  readonly sink: DecisionSink;
  readonly labels: Labels;
  readonly leases: Leases;
  readonly newId: () => string;
  /** How every connection is read. */
  readonly reads: DirectReads;
  readonly memory: MemoryBudget;
  /** A steered client has asked for a name that leads here: all that is seen of it if no connection follows. */
  readonly onAsked?: (asked: AskedName) => void;
  /** For defects: what was thrown that is no EgressError. */
  readonly onDefect: (error: unknown) => void;
}

export interface AskedName {
  readonly client: { readonly address: string; readonly name: string | null };
  readonly host: DnsName;
}

export interface Arrival {
  readonly attempt: Attempt;
  /** False: the credentials are wrong, and the attempt must end with `client-unauthenticated`. */
  readonly isKnown: boolean;
}

export interface TunnelEnds {
  readonly client: Socket;
  readonly upstream: Socket;
  /** What the client sent with the request that opened the tunnel. */
  readonly head: Buffer;
  /** Judges the first bytes of the tunnel; null: they pass unseen. */
  readonly screen: Screen | null;
}

/** A socket, or what is known of the sender of a datagram. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
}

export interface Asked {
  readonly method: string | null;
  readonly credentials: Credentials | null;
  /** In place of the policy in force: for doors with a fixed destination. */
  readonly policy?: Policy;
}

/** The doors at which a client can be asked for credentials (407) and come back with them. */
const CHALLENGING: ReadonlySet<Door> = new Set<Door>(['connect', 'absolute', 'upgrade']);

export class Doorway {
  readonly gate: Gate;
  readonly terms: () => Terms;
  readonly onDefect: (error: unknown) => void;
  /** How every connection is read. */
  readonly reads: DirectReads;
  /** What may be held for whom. */
  readonly memory: MemoryBudget;
  /** What is under way, for the drain. */
  readonly running: Running;
  readonly #parts: DoorwayParts;
  readonly #names = createAskedNames();
  readonly #turns = createTurns();

  constructor(parts: DoorwayParts) {
    this.#parts = parts;
    this.gate = parts.gate;
    this.terms = parts.terms;
    this.onDefect = parts.onDefect;
    this.reads = parts.reads;
    this.memory = parts.memory;
    this.running = new Running(parts.onDefect);
  }

  /** See Running.track. */
  track(socket: Socket, work: Promise<void>): void {
    this.running.track(socket, work);
  }

  /** True while no new request is taken. */
  get isDraining(): boolean {
    return this.running.isDraining;
  }

  /** Goes on reading `socket` while its client waits. `rest`: what has come already. */
  keepEarly(socket: Socket, rest: Buffer): Early {
    const owner = peerAddress(socket.remoteAddress);
    const claim = (refuse: () => void) => this.memory.claim('early', owner, refuse);
    return keepEarly(socket, { reads: this.reads, rest, claim });
  }

  /** See Turns.accepted. */
  accepted(): void {
    this.#turns.accepted();
  }

  /** Null: now is the turn of this peer. */
  turn(peer: Peer): Promise<void> | null {
    return this.#turns.wait(peerAddress(peer.remoteAddress));
  }

  /**
   * A request has come: waits for its client's turn, identifies it and opens the attempt that will leave one record. At
   * once, where it can.
   */
  arrive(door: Door, peer: Peer, asked: Asked): Arrival | Promise<Arrival> {
    // A relay's clients are others than the tools, and a datagram can't be held back: its door has answered it by now.
    const turn = door === 'relay' || door === 'steer-dns' ? null : this.turn(peer);
    return turn === null ? this.#arrived(door, peer, asked) : turn.then(() => this.#arrived(door, peer, asked));
  }

  #arrived(door: Door, peer: Peer, asked: Asked): Arrival | Promise<Arrival> {
    const { policy, clients } = this.terms();
    const origin = this.#originOf(peer);
    const { address, lease } = origin;
    const identified = identify(clients, origin, asked.credentials);
    const isKnown = identified.outcome === 'known';
    const name = isKnown ? identified.name : null;
    const mayStillSay = name === null && isKnown && CHALLENGING.has(door);
    const couldBe = mayStillSay ? namesByToken(clients, origin) : [];
    const arrival = (found: string | null): Arrival => {
      // A container that is named like a configured client must not pass for it in the log.
      const label = clients.some((client) => client.name === found) ? null : found;
      const inForce = policyFor(asked.policy ?? policy, { name });
      return { attempt: this.#attempt(door, { address, name, label, couldBe }, asked.method, inForce), isKnown };
    };
    const label = name === null ? (lease?.container ?? this.#parts.labels.of(address)) : null;
    return label instanceof Promise ? label.then(arrival) : arrival(label);
  }

  /** Who asks without credentials: for doors that have none. */
  whoIs(peer: Peer): Identified {
    return identify(this.terms().clients, this.#originOf(peer), null);
  }

  /** Reports the question of a steered client for a name that leads here. */
  async asked(peer: Peer, host: DnsName): Promise<void> {
    const { onAsked } = this.#parts;
    if (onAsked === undefined || !this.#names.isNews(peerAddress(peer.remoteAddress), host)) return;
    const { attempt } = await this.arrive('steer-dns', peer, { method: null, credentials: null });
    const { address, name, label } = attempt.client;
    onAsked({ client: { address, name: name ?? label }, host });
  }

  /** For what is refused before it is a request: no credentials are looked at. */
  arriveUnread(door: Door, socket: Socket): Attempt {
    const client = { address: peerAddress(socket.remoteAddress), name: null, label: null, couldBe: [] };
    return this.#attempt(door, client, null, this.terms().policy);
  }

  /** Relays until both sides have ended, then writes the close record. Takes both sockets over. */
  async tunnel(attempt: Attempt, { client, upstream, head, screen }: TunnelEnds): Promise<void> {
    const tunnel = relay(client, upstream, {
      idleTimeoutMs: this.terms().limits.idleTimeoutMs,
      reads: this.reads,
      claim: (refuse) => this.memory.claim('relays', attempt.client.address, refuse),
      head,
      screen,
    });
    const ended = attempt.door === 'relay' ? this.running.relay(tunnel) : this.running.tunnel(tunnel);
    const result = await tunnel.done;
    ended();
    attempt.closed(result);
  }

  #originOf({ remoteAddress }: Peer): Origin {
    const address = peerAddress(remoteAddress);
    return { address, lease: this.#parts.leases.of(address) };
  }

  #attempt(door: Door, client: Client, method: string | null, policy: Policy): Attempt {
    return new Attempt({ id: this.#parts.newId(), door, client, method, policy, sink: this.#parts.sink });
  }
}
