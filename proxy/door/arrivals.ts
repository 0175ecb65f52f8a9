/** What every door shares: who asks, the flow with its record, and its tunnel. */
import type { Socket } from 'node:net';
import type { ClientEntry, InForce } from '../config/config.js';
import { type Denial, type Policy, policyFor } from '../core/policy.js';
import { pausedAs } from '../core/run-time.js';
import type { DnsName } from '../core/target.js';
import type { Deadlines } from '../net/deadlines.js';
import type { DirectReads } from '../net/direct-io.js';
import type { MemoryBudget } from '../net/memory-budget.js';
import { Clock } from '../observe/clock.js';
import type { Door, Records } from '../observe/record.js';
import type { AdmitOptions, Gate, RunTimeGate } from './admit.js';
import { createAskedNames } from './asked-names.js';
import {
  type ClientLabels,
  type Credentials,
  type Identified,
  identify,
  namesByToken,
  type Origin,
  peerAddress,
} from './clients.js';
import { type Client, Flow, type FlowRoom } from './flow.js';
import type { Leases } from './leases.js';
import { OpenTunnel, type TunnelEnds } from './open-tunnel.js';
import { Running } from './running.js';
import type { Soon } from './soon.js';
import { type Standing, Standings } from './standings.js';
import { Turns } from './turns.js';

export interface ArrivalsOptions {
  readonly gate: Gate;
  readonly inForce: InForce<'policy' | 'clients' | 'limits'>;
  readonly records: Records;
  readonly labels: ClientLabels;
  /** Null: there is no spawn guard. */
  readonly leases: Leases | null;
  /** Which client's pod has an address; null: no client's. */
  readonly pods: { of(address: string): string | null };
  readonly newId: () => string;
  /** Reads every connection. */
  readonly reads: DirectReads;
  /** The time limits of every connection. */
  readonly deadlines: Deadlines;
  readonly memory: MemoryBudget;
  /** Run-time decisions; absent: there are none. */
  readonly runTime?: RunTimeGate;
  /** A steered client has asked DNS for a name that leads here: if no connection follows, nothing else is seen of it. */
  readonly onAsked?: (asked: AskedName) => void;
  /** Reports defects: anything thrown that is not an EgressError. */
  readonly onDefect: (error: unknown) => void;
}

export interface AskedName {
  readonly client: { readonly address: string; readonly name: string | null };
  readonly host: DnsName;
}

export interface Arrival {
  readonly flow: Flow;
  /** False: the credentials are wrong, and the flow must end as `client-unauthenticated`. */
  readonly isKnown: boolean;
}

/** A socket, or what is known of the sender of a datagram. */
export interface Peer {
  readonly remoteAddress?: string | undefined;
}

export interface Asked {
  readonly method: string | null;
  readonly credentials: Credentials | null;
  /** Replaces the policy in force, for doors with a fixed destination. */
  readonly policy?: Policy;
}

/** Who asks, without the label. */
interface KnownClient extends Pick<Client, 'address' | 'name' | 'couldBe'> {
  readonly isKnown: boolean;
}

/** The doors at which a client can be asked for credentials (407) and come back with them. */
const CHALLENGING: ReadonlySet<Door> = new Set<Door>(['connect', 'absolute', 'upgrade']);

export class Arrivals {
  readonly gate: Gate;
  readonly inForce: InForce<'policy' | 'clients' | 'limits'>;
  readonly onDefect: (error: unknown) => void;
  /** Reads every connection. */
  readonly reads: DirectReads;
  readonly deadlines: Deadlines;
  /** How much may be held for whom. */
  readonly memory: MemoryBudget;
  /** What is under way, for the drain. */
  readonly running: Running;
  readonly #options: ArrivalsOptions;
  /** What is open, to be judged again when the policy changes. */
  readonly standings: Standings;
  /** See admitOrAsk. */
  readonly admitting: AdmitOptions;
  /** Whose request is next. */
  readonly turns = new Turns();
  readonly #names = createAskedNames();
  readonly #room: FlowRoom;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
    this.gate = options.gate;
    this.inForce = options.inForce;
    this.onDefect = options.onDefect;
    this.reads = options.reads;
    this.deadlines = options.deadlines;
    this.memory = options.memory;
    this.running = new Running(options.onDefect);
    this.standings = new Standings(options.inForce, options.gate.own, this.running);
    const policyNow = ({ client }: Flow): Policy => policyFor(options.inForce.settings.policy, client);
    this.#room = { newId: options.newId, records: options.records, clock: new Clock() };
    this.admitting = { gate: options.gate, runTime: options.runTime ?? null, policyNow };
  }

  /**
   * A request has come: identifies its client in its turn, and opens the flow that will leave one record.
   */
  arrive(door: Door, { remoteAddress }: Peer, asked: Asked): Soon<Arrival> {
    const address = peerAddress(remoteAddress);
    // A relay's clients are not the tools, and a datagram cannot be held back: its door has already answered it.
    const turn = door === 'relay' || door === 'steer-dns' ? null : this.turns.wait(address);
    return turn === null ? this.#identify(door, address, asked) : turn.then(() => this.#identify(door, address, asked));
  }

  #identify(door: Door, address: string, asked: Asked): Soon<Arrival> {
    const { clients } = this.inForce.settings;
    const origin = this.#originOf(address, clients);
    const identified = identify(clients, origin, asked.credentials);
    const isKnown = identified.outcome === 'known';
    const name = isKnown ? identified.name : null;
    const mayStillSay = clients.length > 0 && name === null && isKnown && CHALLENGING.has(door);
    const known = { address, name, isKnown, couldBe: mayStillSay ? namesByToken(clients, origin) : NOBODY };
    const label = name === null ? (origin.lease?.container ?? this.#options.labels.of(address)) : null;
    if (!(label instanceof Promise)) return this.#opened(door, asked, known, label);
    return label.then((found) => this.#opened(door, asked, known, found));
  }

  #opened(door: Door, asked: Asked, { address, name, isKnown, couldBe }: KnownClient, found: string | null): Arrival {
    const { policy, clients } = this.inForce.settings;
    // A container that is named like a configured client must not pass for it in the log.
    const label = clients.some((client) => client.name === found) ? null : found;
    const client = { address, name, label, couldBe };
    const inForce = asked.policy === undefined ? policyFor(policy, client) : pausedAs(asked.policy, policy);
    return { flow: new Flow(this.#room, { door, client, method: asked.method, policy: inForce }), isKnown };
  }

  /** Who asks, without credentials: for doors that take none. */
  whoIs({ remoteAddress }: Peer): Identified {
    const { clients } = this.inForce.settings;
    return identify(clients, this.#originOf(peerAddress(remoteAddress), clients), null);
  }

  /** Reports that a steered client has asked DNS for a name that leads here. */
  async asked(peer: Peer, host: DnsName): Promise<void> {
    const { onAsked } = this.#options;
    if (onAsked === undefined || !this.#names.isNews(peerAddress(peer.remoteAddress), host)) return;
    const { flow } = await this.arrive('steer-dns', peer, { method: null, credentials: null });
    const { address, name, label } = flow.client;
    onAsked({ client: { address, name: name ?? label }, host });
  }

  /** For what is refused before it is a request: no credentials are looked at. */
  arriveUnread(door: Door, socket: Socket): Flow {
    const client = { address: peerAddress(socket.remoteAddress), name: null, label: null, couldBe: NOBODY };
    return new Flow(this.#room, { door, client, method: null, policy: this.inForce.settings.policy });
  }

  /** Takes both sockets over: relays until both sides have ended, then writes the close record. `running` counts it until then. */
  tunnel(flow: Flow, ends: TunnelEnds): void {
    new OpenTunnel(this, flow, ends);
  }

  /** The refusal for a connection that is only opening, if the policy has changed since it was allowed; null: it may open. */
  objection(flow: Flow, standing: Standing): Denial | null {
    const { client } = flow;
    if (standing.policy === null && policyFor(this.inForce.settings.policy, client) === flow.policy) return null;
    return this.standings.denialOf(client, standing);
  }

  #originOf(address: string, clients: readonly ClientEntry[]): Origin {
    const { leases, pods } = this.#options;
    const pod = clients.length === 0 ? null : pods.of(address);
    return { address, lease: leases === null ? null : leases.of(address), pod };
  }
}

const NOBODY: readonly string[] = Object.freeze([]);
