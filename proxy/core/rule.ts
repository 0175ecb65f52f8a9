/** One rule of the policy: what it covers of a question. */
import { type Address, contains, type Prefix } from './address.js';
import type { DnsName, HostPattern } from './host-pattern.js';
import type { OwnEndpoints } from './own-endpoints.js';
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

/** What is asked: shared by both decisions of one request. */
export interface Question {
  readonly target: Target;
  readonly client: ClientIdentity;
  readonly own: OwnEndpoints;
}

/** True where the rule covers port, client and host or address. With `address` null, a rule by address matches nothing. */
export function matches(rule: Rule, question: Question, address: Address | null): boolean {
  return matchesPortAndClient(rule, question) && matchesDestination(rule, question.target, address);
}

/** True where some DNS answer for `name` could make the rule match. */
export function mayMatch(rule: Rule, question: Question, name: DnsName): boolean {
  return matchesPortAndClient(rule, question) && (rule.host === null || rule.host.matches(name));
}

/** True where the rule covers all but the port. */
export function matchesButForPort(rule: Rule, question: Question, address: Address | null): boolean {
  return matchesClient(rule, question) && matchesDestination(rule, question.target, address);
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

function matchesPortAndClient(rule: Rule, question: Question): boolean {
  const { port } = question.target;
  const covered = rule.ports === null || rule.ports.some((range) => range.from <= port && port <= range.to);
  return covered && matchesClient(rule, question);
}

function matchesClient(rule: Rule, { client }: Question): boolean {
  if (rule.clientAddress !== undefined) return client.name === null && client.address === rule.clientAddress;
  if (rule.clients === null) return true;
  return client.name !== null && rule.clients.has(client.name);
}

function matchesDestination(rule: Rule, target: Target, address: Address | null): boolean {
  if (rule.host !== null && !(target.host.kind === 'name' && rule.host.matches(target.host.name))) return false;
  return rule.address === null || (address !== null && contains(rule.address, address));
}
