/**
 * The policy: pure, and the only maker of a Permit.
 *
 * Order of evaluation, fixed and never configurable:
 *
 *  1. Never: unspecified, multicast, broadcast, link-local, deprecated IPv4 embeddings, every metadata address, the
 *     proxy's own addresses and listeners, and those of its host. No rule and no mode opens these.
 *  2. Explicit `deny` rules.
 *  3. Special-purpose addresses, unless an `internal` rule covers the host or address, the port and the client.
 *  4. Explicit `allow` rules.
 *  5. The default, of the client or of all: `public` allows what is left (globally reachable unicast), `none` denies it.
 *
 * `decideHost` runs before any DNS query and `decideAddresses` on its answer. In mode `report` the refusals of steps 2
 * to 5 are noted on the verdict and let through.
 */
import { type Address, addressFromBytes, type Prefix } from './address.js';
import type { DnsName } from './host-pattern.js';
import { isHost, isOwn, type OwnEndpoints } from './own-endpoints.js';
import type { DenyReason } from './reasons.js';
import {
  type ClientIdentity,
  matches,
  matchesButForPort,
  mayMatch,
  opens,
  type PortRange,
  type Question,
  type Rule,
} from './rule.js';
import type { RuleId } from './rule-id.js';
import { type AddressClass, classify, classifyName } from './special-purpose.js';
import type { Target } from './target.js';

export type { ClientIdentity, OwnEndpoints, PortRange, Question, Rule };

/**
 * `perClient`: the same policy for clients whose entry has a default or a mode of its own, by name. The decisions look it
 * up themselves; so does whoever else reads `mode`, `default` or `sni`, by `policyFor`.
 */
export interface Policy {
  readonly mode: 'enforce' | 'report';
  readonly default: 'public' | 'none';
  readonly sni: 'enforce' | 'log' | 'off';
  readonly deny: readonly Rule[];
  readonly internal: readonly Rule[];
  readonly allow: readonly Rule[];
  /** The network's own NAT64 prefixes, decoded like 64:ff9b::/96. */
  readonly nat64: readonly Prefix[];
  readonly perClient: ReadonlyMap<string, Policy>;
}

/** The policy as it is in force for this client. */
export function policyFor(policy: Policy, { name }: ClientIdentity): Policy {
  return (name === null ? undefined : policy.perClient.get(name)) ?? policy;
}

export interface Refusal {
  readonly reason: DenyReason;
  readonly rule: RuleId | null;
  /** What the prohibited address or name is, for the explanation; null where the reason says it all. */
  readonly what: string | null;
}

const ISSUING = Symbol();

/**
 * What makes a Permit one is its private field, which no copy, no cast and no other object can have: the class is not
 * exported, and its constructor, though every Permit leads to it, takes a symbol that nobody else has. What it holds is
 * a copy of its own and frozen, so that nothing of it can be changed after it was issued.
 */
class IssuedPermit {
  readonly #issued = true;
  readonly target: Target;
  readonly addresses: readonly [Address, ...Address[]];
  readonly rule: RuleId;

  constructor(issuing: typeof ISSUING, target: Target, addresses: readonly [Address, ...Address[]], rule: RuleId) {
    if (issuing !== ISSUING) throw new TypeError('only the policy issues a Permit');
    this.target = frozenTarget(target);
    this.addresses = frozenAddresses(addresses);
    this.rule = rule;
    Object.freeze(this);
  }

  static isIssued(value: unknown): value is IssuedPermit {
    return typeof value === 'object' && value !== null && #issued in value && value.#issued;
  }
}

/** The right to connect to `addresses` at the port of `target`, and to nothing else. Only this file makes one. */
export type Permit = IssuedPermit;

/** True for what `decideAddresses` has returned and for nothing else. To be asked by all that connects or keeps connections. */
export function isIssued(value: unknown): value is Permit {
  return IssuedPermit.isIssued(value);
}

/** `wouldDeny` is set in mode `report` only: what enforcement would have said. */
export type Verdict =
  | { readonly outcome: 'allow'; readonly permit: Permit; readonly wouldDeny: Refusal | null }
  | ({ readonly outcome: 'deny' } & Refusal);

type Judgement =
  /** `address`: the one to connect to. */
  | { readonly allowed: true; readonly address: Address; readonly rule: RuleId; readonly noted: Refusal | null }
  | { readonly allowed: false; readonly refusal: Refusal };

/** Before DNS: the refusal that no answer could change, or null where the addresses decide. */
export function decideHost(of: Policy, question: Question): Refusal | null {
  const { host } = question.target;
  const policy = policyFor(of, question.client);
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
export function decideAddresses(of: Policy, question: Question, addresses: readonly Address[]): Verdict {
  const policy = policyFor(of, question.client);
  const judgements = addresses.map((address) => judge(policy, question, address));
  const refusal = worst(
    judgements.flatMap((one) => (one.allowed ? [] : [one.refusal])),
    addresses.length,
  );
  if (refusal !== null) return { outcome: 'deny', ...refusal };
  const [first, ...rest] = judgements.filter((one) => one.allowed);
  if (first === undefined) return { outcome: 'deny', reason: 'address-prohibited', rule: null, what: null };
  const permit = new IssuedPermit(
    ISSUING,
    question.target,
    [first.address, ...rest.map(({ address }) => address)],
    first.rule,
  );
  const noted = [first, ...rest].flatMap((one) => one.noted ?? []);
  return { outcome: 'allow', permit, wouldDeny: worst(noted, addresses.length) };
}

/** The refusal of a whole answer of `count` addresses: of these ones, the gravest. */
function worst(refusals: readonly Refusal[], count: number): Refusal | null {
  const gravest = refusals.find((refusal) => severity(refusal) > 0) ?? refusals[0];
  if (gravest === undefined) return null;
  return refusals.length < count ? { ...gravest, reason: 'mixed-answer' } : gravest;
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

function judge(policy: Policy, question: Question, address: Address): Judgement {
  const kind = classify(address, policy.nat64);
  const { effective, routed } = kind;
  if (isOwn(question.own, effective, question.target.port)) return no(refuse('own-listener', 'never:own', null));
  if (isHost(question.own, effective))
    return no(refuse('own-listener', 'never:host', 'an address of the host of the proxy'));
  if (kind.kind === 'never') return no(refuse(prohibited(kind), kind.id, kind.what));
  const refusal = judgeRules(policy, question, effective, kind);
  if (typeof refusal === 'string') return { allowed: true, address: routed, rule: refusal, noted: null };
  return policy.mode === 'report' ? { allowed: true, address: routed, rule: 'report', noted: refusal } : no(refusal);
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

/** Tells a host that no rule names from a port that the host's own rules leave out. */
function notAllowed(policy: Policy, question: Question, address: Address | null): Refusal {
  const named = policy.allow.some((rule) => matchesButForPort(rule, question, address));
  return refuse(named ? 'port-not-allowed' : 'host-not-allowed', 'default', null);
}

function prohibited(kind: AddressClass): DenyReason {
  return kind.kind !== 'global' && kind.metadata ? 'metadata-address' : 'address-prohibited';
}

function denyReason(rule: Rule): DenyReason {
  if (rule.address !== null) return 'address-denied';
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

function frozenTarget({ form, scheme, host, port }: Target): Target {
  const own = host.kind === 'name' ? { ...host } : { ...host, address: frozenAddress(host.address) };
  return Object.freeze({ form, scheme, host: Object.freeze(own), port });
}

function frozenAddresses([first, ...rest]: readonly [Address, ...Address[]]): readonly [Address, ...Address[]] {
  return Object.freeze<[Address, ...Address[]]>([frozenAddress(first), ...rest.map(frozenAddress)]);
}

/** The text is made from the bytes again: they are what was judged, and it is what will be dialled. */
function frozenAddress({ bytes }: Address): Address {
  return Object.freeze(addressFromBytes(Object.freeze([...bytes])));
}
