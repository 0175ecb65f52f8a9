/** One rule of the policy: what it covers of a question. */
import { type Address, contains, type Prefix } from './address.js';
import type { DnsName, HostPattern } from './host-pattern.js';
import type { RuleId } from './rule-id.js';
import type { AddressClass } from './special-purpose.js';
import type { Target } from './target.js';

/** Null means any. A rule without host and address matches every destination. */
export interface Rule {
  readonly id: RuleId;
  readonly host: HostPattern | null;
  readonly address: Prefix | null;
  readonly ports: readonly PortRange[] | null;
  readonly clients: ReadonlySet<string> | null;
  /** Only for a client at this address that no entry names; absent: `clients` alone decides. */
  readonly clientAddress?: string;
}

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Who asks. `name` is null for a client that no `clients` entry names. */
export interface ClientIdentity {
  readonly name: string | null;
  /** Where it connects from, as text; absent for a question without a connection. */
  readonly address?: string;
}

/** `addresses`: of each interface that the proxy sees, and of the Service in front of it. `ports`: those that it listens on. */
export interface OwnEndpoints {
  readonly addresses: readonly Address[];
  readonly ports: ReadonlySet<number>;
  /** Of the host around the proxy's container, as seen from outside; absent: none is known. */
  readonly host?: readonly Prefix[];
  /** The API server of the cluster that the proxy runs in; null or absent: there is none. */
  readonly apiServer?: Address | null;
}

/** What is asked: shared by both decisions of one request. */
export interface Question {
  readonly target: Target;
  readonly client: ClientIdentity;
  readonly own: OwnEndpoints;
}

/** True where the rule covers port, client and host or address. With `address` null, a rule by address matches nothing. */
export function matches(rule: Rule, question: Question, address: Address | null): boolean {
  return coversPort(rule, question.target.port) && matchesButForPort(rule, question, address);
}

/** True where some DNS answer for `name` could make the rule match. */
export function mayMatch(rule: Rule, question: Question, name: DnsName): boolean {
  if (!coversPort(rule, question.target.port) || !coversClient(rule, question.client)) return false;
  return rule.host === null || rule.host.matches(name);
}

/** True where the rule covers all but the port. */
export function matchesButForPort(rule: Rule, { target, client }: Question, address: Address | null): boolean {
  if (rule.address !== null && (address === null || !contains(rule.address, address))) return false;
  if (rule.host !== null && !(target.host.kind === 'name' && rule.host.matches(target.host.name))) return false;
  return coversClient(rule, client);
}

/**
 * True where an `internal` rule opens this special-purpose address. A rule by host name opens only private-use, shared and
 * unique-local addresses; a rule by address opens whatever it names.
 */
export function opens(rule: Rule, question: Question, address: Address, kind: AddressClass): boolean {
  if (rule.host === null && rule.address === null) return false;
  if (rule.host !== null && (kind.kind === 'global' || !kind.opensByName)) return false;
  return rule.ports !== null && matches(rule, question, address);
}

function coversPort({ ports }: Rule, port: number): boolean {
  if (ports === null) return true;
  for (const { from, to } of ports) if (from <= port && port <= to) return true;
  return false;
}

function coversClient({ clients, clientAddress }: Rule, client: ClientIdentity): boolean {
  if (clientAddress !== undefined) return client.name === null && client.address === clientAddress;
  return clients === null || (client.name !== null && clients.has(client.name));
}
