/**
 * What was decided while the proxy runs, as rules of the policy. They come after the rules of the file: a block is a
 * `deny` rule, an allow an `allow` rule, or an `internal` one where a private destination was confirmed. So nothing that
 * is "never" opens, and a `deny` rule of the file comes before every allow.
 */
import { type Address, type Prefix, prefixOf } from './address.js';
import type { Policy } from './judge.js';
import type { Rule, RuleSection } from './rule.js';
import { classify, type LocalRanges } from './special-purpose.js';
import type { HostPattern } from './target.js';

/** Null means any. Exactly one of `host` and `address` is not null. */
export interface GrantedRule {
  readonly id: string;
  readonly effect: 'allow' | 'block';
  readonly client: string | null;
  readonly host: HostPattern | null;
  readonly address: Prefix | null;
  readonly ports: readonly number[] | null;
  /** For a private destination: an exception for exactly this host, these ports and this client. */
  readonly internal: boolean;
  /** For a private destination by name: the confirmed addresses, where alone it opens. Absent, as for a rule of the file: all. */
  readonly addresses?: readonly Address[];
  /** True: for the next request that needs it, and used up by it. */
  readonly once: boolean;
  /** With `client` null: only for a client at this address that has no name. */
  readonly clientAddress?: string;
}

export interface PausedClient {
  /** Null: all. */
  readonly client: string | null;
  /** `report` lets everything through that is not "never", and notes it. */
  readonly mode: 'refuse' | 'report';
}

export interface RunTime {
  readonly grants: readonly GrantedRule[];
  readonly pauses: readonly PausedClient[];
}

export const NOTHING_DECIDED: RunTime = Object.freeze({ grants: [], pauses: [] });

/** The policy of the file with what was decided at run time. */
export function withRunTime(policy: Policy, { grants, pauses }: RunTime): Policy {
  if (grants.length === 0 && pauses.length === 0) return policy;
  // Grants for one request come last: if another grant allows the request, they are not used up.
  const inOrder = [...grants.filter(({ once }) => !once), ...grants.filter(({ once }) => once)];
  const rulesFor = (section: RuleSection): Rule[] =>
    inOrder
      .filter((grant) => sectionOfGrant(grant) === section)
      .flatMap(rulesOf)
      .map((rule) => seen(rule, policy));
  const lists = {
    deny: [...policy.deny, ...rulesFor('deny')],
    internal: [...policy.internal, ...rulesFor('internal')],
    allow: [...policy.allow, ...rulesFor('allow')],
    elsewhere: inOrder.filter(isBound).map((grant) => ruleOf(grant, grant.address)),
  };
  const forAll = pauses.find(({ client }) => client === null);
  const isReport = forAll?.mode === 'report';
  const clients = new Set(pauses.flatMap(({ client }) => client ?? []));
  const changes = { ...lists, paused: { all: forAll?.mode === 'refuse', clients }, ...(isReport ? REPORT : {}) };
  const perClient = [...policy.perClient].map(([name, own]): [string, Policy] => [name, { ...own, ...changes }]);
  return { ...policy, ...changes, perClient: new Map(perClient) };
}

/** The policy of a fixed destination, with the pauses of the policy in force: pauses hold for it, rules do not. */
export function pausedAs(own: Policy, { paused }: Policy): Policy {
  return { ...own, paused };
}

/** The list of the policy in which the grant takes effect as a rule. */
export function sectionOfGrant({ effect, internal }: Pick<GrantedRule, 'effect' | 'internal'>): RuleSection {
  if (effect === 'block') return 'deny';
  return internal ? 'internal' : 'allow';
}

/** True where a rule of the file says the same as the grant, or says it for the same name at any address. */
export function isInFile(policy: Policy, grant: GrantedRule): boolean {
  const wanted = keyOf(ruleOf(grant, grant.address));
  return policy[sectionOfGrant(grant)].some((rule) => keyOf(rule) === wanted);
}

/** One rule for each confirmed address of a name; a single rule for any other grant. */
function rulesOf(grant: GrantedRule): Rule[] {
  const places = isBound(grant) ? (grant.addresses ?? []).map(wholeAddress) : [grant.address];
  return places.map((address) => ruleOf(grant, address));
}

/** True for a grant that opens a name at confirmed addresses alone. */
export function isBound({ effect, internal, host, addresses }: GrantedRule): boolean {
  return effect === 'allow' && internal && host !== null && addresses !== undefined;
}

function wholeAddress(address: Address): Prefix {
  return prefixOf(address, address.bytes.length * 8);
}

/** Rules see the IPv4 address inside a decoded form: a rule that names the form itself would never match. */
function seen(rule: Rule, here: LocalRanges): Rule {
  const { address } = rule;
  if (address === null || address.bits < address.address.bytes.length * 8) return rule;
  const { effective } = classify(address.address, here);
  return effective === address.address ? rule : { ...rule, address: wholeAddress(effective) };
}

const REPORT = { mode: 'report' } as const;

function ruleOf({ id, host, ports, client, clientAddress }: GrantedRule, address: Prefix | null): Rule {
  return {
    id: `grant:${id}`,
    host,
    address,
    ports: ports?.map((port) => ({ from: port, to: port })) ?? null,
    clients: client === null ? null : new Set([client]),
    ...(clientAddress === undefined ? {} : { clientAddress }),
  };
}

/** What the rule covers, in one spelling. */
function keyOf({ host, address, ports, clients, clientAddress }: Rule): string {
  const ranges = ports?.map(({ from, to }) => `${from}-${to}`).sort();
  return JSON.stringify([host?.text, address?.text, ranges, clients && [...clients].sort(), clientAddress]);
}
