/**
 * The policy: pure, and the only maker of a Permit.
 *
 * Order of evaluation, fixed and never configurable:
 *
 *  1. Never: unspecified, multicast, broadcast, link-local, deprecated IPv4 embeddings, every metadata address, the
 *     proxy's own addresses and listeners. No rule and no mode opens these.
 *  2. Explicit `deny` rules.
 *  3. Special-purpose addresses, unless an `internal` rule covers the host or address, the port and the client.
 *  4. Explicit `allow` rules.
 *  5. The default: `public` allows what is left (globally reachable unicast), `none` denies it.
 *
 * `decideHost` runs before any DNS query and `decideAddresses` on its answer. In mode `report` the refusals of steps 2
 * to 5 are noted on the verdict and let through.
 */
import { type Address, contains, type Prefix } from './address.js';
import { embeddedIPv4 } from './embedded.js';
import type { DnsName, HostPattern } from './host-pattern.js';
import { isOwn, type OwnEndpoints } from './own-endpoints.js';
import type { DenyReason } from './reasons.js';
import { type AddressClass, classify, classifyName } from './special-purpose.js';
import type { Target } from './target.js';

export type { OwnEndpoints };

/** `deny[0]`, `allow[2]`, `internal[1]` by position in the configuration; `default`; `never:…` and `special:…`. */
export type RuleId = string;

/** Null means any. A rule without host and address matches every destination. */
export interface Rule {
  readonly id: RuleId;
  readonly host: HostPattern | null;
  readonly address: Prefix | null;
  readonly ports: readonly PortRange[] | null;
  readonly clients: ReadonlySet<string> | null;
}

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface Policy {
  readonly mode: 'enforce' | 'report';
  readonly default: 'public' | 'none';
  readonly sni: 'enforce' | 'log' | 'off';
  readonly deny: readonly Rule[];
  readonly internal: readonly Rule[];
  readonly allow: readonly Rule[];
  /** The network's own NAT64 prefixes, decoded like 64:ff9b::/96. */
  readonly nat64: readonly Prefix[];
}

/** Who asks. `name` is null for a client that no `clients` entry names. */
export interface ClientIdentity {
  readonly name: string | null;
}

export interface Refusal {
  readonly reason: DenyReason;
  readonly rule: RuleId | null;
  /** What the prohibited address or name is, for the explanation; null where the reason says it all. */
  readonly what: string | null;
}

declare const permitBrand: unique symbol;
/** The right to connect to `addresses`, and to nothing else. Only this file makes one. */
export interface Permit {
  readonly [permitBrand]: true;
  readonly target: Target;
  readonly addresses: readonly [Address, ...Address[]];
  readonly rule: RuleId;
}

/** `wouldDeny` is set in mode `report` only: what enforcement would have said. */
export type Verdict =
  | { readonly outcome: 'allow'; readonly permit: Permit; readonly wouldDeny: Refusal | null }
  | ({ readonly outcome: 'deny' } & Refusal);

/** What is asked: shared by both decisions of one request. */
export interface Question {
  readonly target: Target;
  readonly client: ClientIdentity;
  readonly own: OwnEndpoints;
}

type Judgement =
  | { readonly allowed: true; readonly rule: RuleId; readonly noted: Refusal | null }
  | { readonly allowed: false; readonly refusal: Refusal };

/** Before DNS: the refusal that no answer could change, or null where the addresses decide. */
export function decideHost(policy: Policy, question: Question): Refusal | null {
  const { host } = question.target;
  if (host.kind === 'literal') {
    const judgement = judge(policy, question, host.address);
    return judgement.allowed ? null : judgement.refusal;
  }
  return judgeName(policy, question, host.name);
}

/**
 * After DNS (or for a literal, with that literal): a Permit for exactly these addresses, or a denial. An answer that
 * mixes permitted and prohibited addresses is refused whole, so that no retry can pick the prohibited one.
 */
export function decideAddresses(policy: Policy, question: Question, addresses: readonly Address[]): Verdict {
  const refusals: Refusal[] = [];
  const noted: Refusal[] = [];
  let rule: RuleId | null = null;
  for (const address of addresses) {
    const judgement = judge(policy, question, address);
    if (!judgement.allowed) refusals.push(judgement.refusal);
    else if (judgement.noted !== null) noted.push(judgement.noted);
    if (judgement.allowed) rule ??= judgement.rule;
  }
  const refusal = worst(refusals, addresses.length);
  if (refusal !== null) return { outcome: 'deny', ...refusal };
  if (rule === null) return { outcome: 'deny', reason: 'address-prohibited', rule: null, what: null };
  return {
    outcome: 'allow',
    permit: permit(question.target, addresses, rule),
    wouldDeny: worst(noted, addresses.length),
  };
}

/** The refusal of a whole answer of `count` addresses: of these ones, the gravest. */
function worst(refusals: readonly Refusal[], count: number): Refusal | null {
  const gravest = refusals.find((refusal) => severity(refusal) > 0) ?? refusals[0];
  if (gravest === undefined) return null;
  return refusals.length < count ? { ...gravest, reason: 'mixed-answer' } : gravest;
}

/** True where the rule covers the port, the client and the host or address; a rule for addresses needs one. */
export function matches(rule: Rule, question: Question, address: Address | null): boolean {
  return matchesPortAndClient(rule, question) && matchesDestination(rule, question.target, address);
}

function judgeName(policy: Policy, question: Question, name: DnsName): Refusal | null {
  const special = classifyName(name);
  if (special?.kind === 'never') return refuse('metadata-address', special.id, special.what);
  if (policy.mode === 'report') return null;
  const denied = policy.deny.find((rule) => rule.address === null && matches(rule, question, null));
  if (denied !== undefined) return refuse(denyReason(denied), denied.id, null);
  if (special !== null && !policy.internal.some((rule) => mayMatch(rule, question, name)))
    return refuse('address-prohibited', special.id, special.what);
  if (policy.default === 'public') return null;
  // A query is a way out, too: a name is resolved only where a rule could allow it.
  const hopeful = [...policy.allow, ...policy.internal].some((rule) => mayMatch(rule, question, name));
  return hopeful ? null : notAllowed(policy, question, null);
}

/** True where some answer of DNS for `name` would make the rule match. */
function mayMatch(rule: Rule, question: Question, name: DnsName): boolean {
  return matchesPortAndClient(rule, question) && (rule.host === null || rule.host.matches(name));
}

function judge(policy: Policy, question: Question, address: Address): Judgement {
  const kind = classify(address, policy.nat64);
  const effective = effectiveAddress(policy, address);
  if (isOwn(question.own, effective, question.target.port)) return no(refuse('own-listener', 'never:own', null));
  if (kind.kind === 'never') return no(refuse(prohibited(kind), kind.id, kind.what));
  const refusal = judgeRules(policy, question, effective, kind);
  if (typeof refusal === 'string') return { allowed: true, rule: refusal, noted: null };
  return policy.mode === 'report' ? { allowed: true, rule: 'report', noted: refusal } : no(refusal);
}

/** Steps 2 to 5: the rule that allows, or the refusal. */
function judgeRules(policy: Policy, question: Question, address: Address, kind: AddressClass): RuleId | Refusal {
  const denied = policy.deny.find((rule) => matches(rule, question, address));
  if (denied !== undefined) return refuse(denyReason(denied), denied.id, null);
  if (kind.kind !== 'global') {
    const exception = policy.internal.find((rule) => opens(rule, question, address, kind));
    return exception?.id ?? refuse(prohibited(kind), kind.id, kind.what);
  }
  const allowed = policy.allow.find((rule) => matches(rule, question, address));
  if (allowed !== undefined) return allowed.id;
  return policy.default === 'public' ? 'default' : notAllowed(policy, question, address);
}

/** An exception by host name opens private-use, shared and unique-local addresses only; by address, what it names. */
function opens(rule: Rule, question: Question, address: Address, kind: AddressClass): boolean {
  if (rule.host === null && rule.address === null) return false;
  if (rule.address === null && (kind.kind === 'global' || !kind.opensByName)) return false;
  return rule.ports !== null && matches(rule, question, address);
}

/** Tells a host that no rule names from a port that the host's own rules leave out. */
function notAllowed(policy: Policy, question: Question, address: Address | null): Refusal {
  const { target } = question;
  const named = policy.allow.some((rule) => matchesClient(rule, question) && matchesDestination(rule, target, address));
  return refuse(named ? 'port-not-allowed' : 'host-not-allowed', 'default', null);
}

function matchesPortAndClient(rule: Rule, question: Question): boolean {
  const { port } = question.target;
  const covered = rule.ports === null || rule.ports.some((range) => range.from <= port && port <= range.to);
  return covered && matchesClient(rule, question);
}

function matchesClient(rule: Rule, question: Question): boolean {
  if (rule.clients === null) return true;
  return question.client.name !== null && rule.clients.has(question.client.name);
}

function matchesDestination(rule: Rule, target: Target, address: Address | null): boolean {
  if (rule.host !== null && !(target.host.kind === 'name' && rule.host.matches(target.host.name))) return false;
  return rule.address === null || (address !== null && contains(rule.address, address));
}

/** The address that rules see and that is dialled: the inner one of a decoded IPv4-mapped or NAT64 form. */
function effectiveAddress(policy: Policy, address: Address): Address {
  const embedding = embeddedIPv4(address, policy.nat64);
  return embedding?.kind === 'decoded' ? embedding.inner : address;
}

function prohibited(kind: AddressClass): DenyReason {
  return kind.kind !== 'global' && kind.metadata ? 'metadata-address' : 'address-prohibited';
}

function denyReason(rule: Rule): DenyReason {
  if (rule.address !== null) return 'address-prohibited';
  return rule.host === null && rule.ports !== null ? 'port-denied' : 'host-denied';
}

function severity(refusal: Refusal): number {
  return refusal.reason === 'metadata-address' || refusal.reason === 'own-listener' ? 1 : 0;
}

function refuse(reason: DenyReason, rule: RuleId | null, what: string | null): Refusal {
  return { reason, rule, what };
}

function no(refusal: Refusal): Judgement {
  return { allowed: false, refusal };
}

function permit(target: Target, addresses: readonly Address[], rule: RuleId): Permit {
  const [head, ...tail] = addresses.map(unmapped);
  if (head === undefined) throw new Error('a Permit needs an address');
  return Object.freeze({ target, addresses: Object.freeze([head, ...tail]), rule }) as Permit;
}

/** An IPv4-mapped address is dialled as the IPv4 address it is; a NAT64 address stays, the network translates it. */
function unmapped(address: Address): Address {
  const embedding = embeddedIPv4(address, []);
  return embedding?.form === 'IPv4-mapped' ? embedding.inner : address;
}
