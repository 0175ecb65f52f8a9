/**
 * What was decided while the proxy runs, as rules of the policy. They come after the rules of the file: a block is a
 * `deny` rule, an allow an `allow` rule, or an `internal` one where a private destination was confirmed. So nothing that
 * is "never" opens, and a `deny` rule of the file comes before every allow.
 */
import { type Prefix, prefixOf } from './address.js';
import type { HostPattern } from './host-pattern.js';
import type { Policy } from './judge.js';
import type { Rule } from './rule.js';
import type { RuleSection } from './rule-id.js';
import { classify, type LocalRanges } from './special-purpose.js';

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
  /** For the next request that needs it. */
  readonly once: boolean;
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
  // What is left after its first request is taken last: another grant may do as well.
  const inOrder = [...grants.filter(({ once }) => !once), ...grants.filter(({ once }) => once)];
  const rulesFor = (section: RuleSection): Rule[] =>
    inOrder.filter((grant) => sectionOfGrant(grant) === section).map((grant) => seen(ruleOf(grant), policy));
  const lists = {
    deny: [...policy.deny, ...rulesFor('deny')],
    internal: [...policy.internal, ...rulesFor('internal')],
    allow: [...policy.allow, ...rulesFor('allow')],
  };
  const forAll = pauses.find(({ client }) => client === null);
  const isReport = forAll?.mode === 'report';
  const clients = new Set(pauses.flatMap(({ client }) => client ?? []));
  const changes = { ...lists, paused: { all: forAll?.mode === 'refuse', clients }, ...(isReport ? REPORT : {}) };
  const perClient = [...policy.perClient].map(([name, own]): [string, Policy] => [name, { ...own, ...changes }]);
  return { ...policy, ...changes, perClient: new Map(perClient) };
}

/** The policy of a fixed destination under the pauses of the one in force: no rule concerns it, and a pause everybody. */
export function pausedAs(own: Policy, { paused }: Policy): Policy {
  return { ...own, paused };
}

/** The list of the policy in which the grant has the place of a rule. */
export function sectionOfGrant({ effect, internal }: Pick<GrantedRule, 'effect' | 'internal'>): RuleSection {
  if (effect === 'block') return 'deny';
  return internal ? 'internal' : 'allow';
}

/** True where a rule of the file says the same as the grant. */
export function isInFile(policy: Policy, grant: GrantedRule): boolean {
  const wanted = keyOf(ruleOf(grant));
  return policy[sectionOfGrant(grant)].some((rule) => keyOf(rule) === wanted);
}

/** Rules see the address inside a decoded form: one that names the form itself would block and allow nothing. */
function seen(rule: Rule, here: LocalRanges): Rule {
  const { address } = rule;
  if (address === null || address.bits < address.address.bytes.length * 8) return rule;
  const { effective } = classify(address.address, here);
  return effective === address.address ? rule : { ...rule, address: prefixOf(effective, effective.bytes.length * 8) };
}

const REPORT = { mode: 'report' } as const;

function ruleOf({ id, host, address, ports, client }: GrantedRule): Rule {
  return {
    id: `grant:${id}`,
    host,
    address,
    ports: ports?.map((port) => ({ from: port, to: port })) ?? null,
    clients: client === null ? null : new Set([client]),
  };
}

/** What the rule covers, in one spelling. */
function keyOf({ host, address, ports, clients }: Rule): string {
  const ranges = ports?.map(({ from, to }) => `${from}-${to}`).sort();
  return JSON.stringify([host?.text, address?.text, ranges, clients === null ? null : [...clients].sort()]);
}
