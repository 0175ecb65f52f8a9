/**
 * What each record counts for: requests by outcome, by rule and by client, how long DNS and connecting took, and what tunnels
 * and forwarded requests carried.
 */
import { Counter, Gauge, type Registry } from 'prom-client';
import { REASONS, type Reason } from '../core/reasons.js';
import { sectionOf } from '../core/rule.js';
import { Durations, Rows } from './plain-metrics.js';
import {
  type CloseCause,
  type CloseRecord,
  type DecisionRecord,
  type DecisionSink,
  DOORS,
  type Door,
} from './record.js';

export interface TunnelBytes {
  readonly up: number;
  readonly down: number;
}

/** Reasons that alerts look for. Their series exist from the start, or the first request would not be an increase. */
const WATCHED_REASONS = [
  'metadata-address',
  'own-listener',
  'busy',
  'client-unauthenticated',
] as const satisfies readonly Reason[];

/** The label of all clients that the configuration does not name. Tools can choose names and addresses, without end. */
const UNNAMED = '(unnamed)';
/** Buckets beyond the defaults of `limits.connectTimeout` and `dns.timeout`, so that timeouts fall into buckets of their own. */
const NAME_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60];
const OPEN_SECONDS = [0.1, 1, 10, 60, 600, 3600, 36_000];
/** Doors whose allowed requests are forwarded rather than tunnelled, unless the origin switches protocols (101). */
const FORWARDING: ReadonlySet<Door> = new Set<Door>(['absolute', 'upgrade', 'steer-http']);

export class RecordMetrics implements DecisionSink {
  readonly #clients: () => ReadonlySet<string>;
  readonly #requests: Rows;
  readonly #rules: Rows;
  readonly #ofClients: Rows;
  readonly #tunnels: Carried;
  readonly #forwarded: Carried;
  /** Answers to forwarded requests by the first digit of the status; those without an answer at 0. */
  readonly #answers = Array<number>(10).fill(0);
  readonly #dns: Durations;
  readonly #connect: Durations;

  /** `clients`: the names in the configuration in force. `open`: the bytes that the open tunnels have carried so far. */
  constructor(registry: Registry, clients: () => ReadonlySet<string>, open: () => TunnelBytes) {
    this.#clients = clients;
    [this.#requests, this.#rules, this.#ofClients] = requestRows(registry);
    [this.#tunnels, this.#forwarded] = [carriedByTunnels(registry), carriedByForwarded(registry)];
    showOpenTunnels(registry, open);
    showAnswers(registry, this.#answers);
    this.#dns = new Durations({
      name: 'egress_dns_seconds',
      help: 'Time until DNS answered, cached answers included.',
      buckets: NAME_SECONDS,
      registry,
    });
    this.#connect = new Durations({
      name: 'egress_connect_seconds',
      help: 'Time from the first connection attempt to a connection or to giving up.',
      buckets: NAME_SECONDS,
      registry,
    });
  }

  decision({ outcome, reason, door, rule, client, dnsMs, connectMs }: DecisionRecord): void {
    const why = reason ?? 'none';
    if (!this.#requests.count(outcome, why, door)) this.#requests.open(1, outcome, why, door);
    // Asked of those rules only that have not been counted yet.
    if (rule !== null && !this.#rules.count(rule, outcome) && sectionOf(rule) !== null)
      this.#rules.open(1, rule, outcome);
    const name = client.name !== null && this.#clients().has(client.name) ? client.name : UNNAMED;
    if (!this.#ofClients.count(name, outcome)) this.#ofClients.open(1, name, outcome);
    if (dnsMs !== null) this.#dns.add(dnsMs);
    if (connectMs !== null) this.#connect.add(connectMs);
  }

  closed({ status, door, bytesUp, bytesDown, cause, durationMs }: CloseRecord): void {
    const isOfTunnel = status === 101 || !FORWARDING.has(door);
    const carried = isOfTunnel ? this.#tunnels : this.#forwarded;
    carried.up += bytesUp;
    carried.down += bytesDown;
    carried.causes.set(cause, (carried.causes.get(cause) ?? 0) + 1);
    carried.duration.add(durationMs);
    if (isOfTunnel) return;
    const digit = Math.floor((status ?? 0) / 100);
    this.#answers[digit] = (this.#answers[digit] ?? 0) + 1;
  }
}

function requestRows(registry: Registry): readonly [requests: Rows, rules: Rows, ofClients: Rows] {
  const requests = new Rows({
    name: 'egress_requests_total',
    help: 'Requests by outcome, reason ("none" if there is none) and door.',
    labelNames: ['outcome', 'reason', 'door'],
    registry,
  });
  for (const reason of WATCHED_REASONS) {
    for (const door of DOORS) requests.open(0, REASONS[reason].outcome, reason, door);
  }
  const rules = new Rows({
    name: 'egress_rule_decisions_total',
    help: 'Requests that a rule of the configuration decided, by its name or position and by outcome.',
    labelNames: ['rule', 'outcome'],
    registry,
  });
  const ofClients = new Rows({
    name: 'egress_client_requests_total',
    help: `Requests by client of the configuration ("${UNNAMED}" for all others) and outcome.`,
    labelNames: ['client', 'outcome'],
    registry,
  });
  return [requests, rules, ofClients];
}

/** What has ended, of tunnels or of forwarded requests. */
interface Carried {
  up: number;
  down: number;
  readonly causes: Map<CloseCause, number>;
  readonly duration: Durations;
}

function carriedByTunnels(registry: Registry): Carried {
  return carriedBy(registry, {
    bytes: { name: 'egress_tunnel_bytes_total', help: 'Bytes of closed tunnels; up is from the client.' },
    closed: { name: 'egress_tunnels_closed_total', help: 'Closed tunnels by cause.' },
    duration: { name: 'egress_tunnel_seconds', help: 'How long closed tunnels were open.' },
  });
}

function carriedByForwarded(registry: Registry): Carried {
  return carriedBy(registry, {
    bytes: {
      name: 'egress_forwarded_bytes_total',
      help: 'Bytes of forwarded requests and answers; up is to the origin.',
    },
    closed: {
      name: 'egress_forwarded_closed_total',
      help: 'Forwarded requests that were answered, by how they ended.',
    },
    duration: { name: 'egress_forwarded_seconds', help: 'Time from a forwarded request to the end of its answer.' },
  });
}

type Named = { readonly name: string; readonly help: string };
type CarriedNames = { readonly bytes: Named; readonly closed: Named; readonly duration: Named };

function carriedBy(registry: Registry, names: CarriedNames): Carried {
  const registers = [registry];
  const bytes = new Counter({
    ...names.bytes,
    labelNames: ['direction'],
    registers,
    collect() {
      bytes.reset();
      bytes.inc({ direction: 'up' }, carried.up);
      bytes.inc({ direction: 'down' }, carried.down);
    },
  });
  const closed = new Counter({
    ...names.closed,
    labelNames: ['cause'],
    registers,
    collect() {
      closed.reset();
      for (const [cause, times] of carried.causes) closed.inc({ cause }, times);
    },
  });
  const duration = new Durations({ ...names.duration, buckets: OPEN_SECONDS, registry });
  const carried: Carried = { up: 0, down: 0, causes: new Map(), duration };
  return carried;
}

function showOpenTunnels(registry: Registry, open: () => TunnelBytes): void {
  const openBytes = new Gauge({
    name: 'egress_open_tunnel_bytes',
    help: 'Bytes carried so far by the tunnels that are open now; up is from the client.',
    labelNames: ['direction'],
    registers: [registry],
    collect() {
      const { up, down } = open();
      openBytes.set({ direction: 'up' }, up);
      openBytes.set({ direction: 'down' }, down);
    },
  });
}

const CLASSES = [2, 3, 4, 5] as const;

/** By the class of the status (RFC 9110 section 15); a request without an answer has none. */
function showAnswers(registry: Registry, counts: readonly number[]): void {
  const answers = new Counter({
    name: 'egress_forwarded_answers_total',
    help: 'Answers to forwarded requests by the class of their status.',
    labelNames: ['status'],
    registers: [registry],
    collect() {
      answers.reset();
      for (const digit of CLASSES) answers.inc({ status: `${digit}xx` }, counts[digit]);
    },
  });
}
