/** One rule of the policy: what it covers of a question, and what records, refusals and metrics call it. */
import { type Address, contains, type Prefix } from './address.js';
import type { DnsName, HostPattern, Target } from './target.js';

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

/**
 * The first rule that covers port, client and host or address. With `address` null, a rule by address matches nothing.
 * `opened`: a special-purpose address, which only a rule with ports and a host or an address opens; one by host name opens only
 * private-use, shared and unique-local addresses, one by address whatever it names.
 */
export function firstMatch(
  rules: readonly Rule[],
  question: Question,
  address: Address | null,
  opened: Special | null = null,
): Rule | null {
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i];
    if (rule === undefined) continue;
    if (opened !== null && (rule.ports === null || (rule.host === null && rule.address === null))) continue;
    if (opened !== null && rule.host !== null && !opened.opensByName) continue;
    if (coversPort(rule, question.target.port) && matchesButForPort(rule, question, address)) return rule;
  }
  return null;
}

/** What an address is, as far as it decides which rules may open it. */
interface Special {
  readonly opensByName: boolean;
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

function coversPort({ ports }: Rule, port: number): boolean {
  if (ports === null) return true;
  for (let i = 0; i < ports.length; i++) {
    const range = ports[i];
    if (range !== undefined && range.from <= port && port <= range.to) return true;
  }
  return false;
}

function coversClient({ clients, clientAddress }: Rule, client: ClientIdentity): boolean {
  if (clientAddress !== undefined) return client.name === null && client.address === clientAddress;
  return clients === null || (client.name !== null && clients.has(client.name));
}

const SECTIONS = ['allow', 'deny', 'internal'] as const;
export type RuleSection = (typeof SECTIONS)[number];

/**
 * A configured rule by its name, or by its position in its list; `default`: policy.default; `report`: let through by mode
 * report, though `enforce` would refuse it; `sni` and `clients`: those keys of the policy; `upstream`: the parent proxy;
 * `notify` and `otlp`: a receiver of the proxy's own; `grant:…` and `pause`: what was decided at run time; `never:…` and
 * `special:…`: the range, name or form of address that is refused by itself; `private:…`: a range of policy.private.
 */
export type RuleId =
  | `${RuleSection}:${string}`
  | `${RuleSection}[${number}]`
  | `relay[${number}]`
  | 'upstream'
  | 'notify'
  | 'otlp'
  | 'default'
  | 'report'
  | 'sni'
  | 'clients'
  | `grant:${string}`
  | 'pause'
  | `pause:${string}`
  | `never:${string}`
  | `special:${string}`
  | `private:${string}`;

/** `name` null: a rule without one. A name has no bracket, so the two forms cannot be mistaken for each other. */
export function ruleId(section: RuleSection, index: number, name: string | null): RuleId {
  return name === null ? `${section}[${index}]` : `${section}:${name}`;
}

/** The list that the rule is in; null for what is no rule of the configuration. `id` may come from an old record. */
export function sectionOf(id: string | null): RuleSection | null {
  if (id === null) return null;
  for (const section of SECTIONS) {
    const next = id[section.length];
    if ((next === ':' || next === '[') && id.startsWith(section)) return section;
  }
  return null;
}

/** True for what no rule and no mode opens. */
export function isNever(id: string | null): boolean {
  return id?.startsWith('never:') ?? false;
}

/** Where people find it in their file: `policy.allow[0]`, `policy.allow (github-api)`; null if the file has no key for it. */
export function placeInFile(id: string | null): string | null {
  if (id === null) return null;
  const section = sectionOf(id);
  if (section !== null)
    return id.includes('[') ? `policy.${id}` : `policy.${section} (${id.slice(section.length + 1)})`;
  if (id === 'default' || id === 'sni' || id === 'clients') return `policy.${id}`;
  if (id === 'report') return 'policy.mode';
  if (id.startsWith('private:')) return 'policy.private';
  return id.startsWith('relay[') ? id : null;
}

/** The id of the grant that is the rule; null for any other. */
export function grantOf(id: string | null): string | null {
  return id?.startsWith('grant:') ? id.slice('grant:'.length) : null;
}
