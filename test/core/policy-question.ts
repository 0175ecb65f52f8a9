/** Policies, rules and questions from short texts, for the tests of the policy. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedPolicy } from '../../proxy/config/compile.js';
import { type Address, parseAddress, parsePrefix } from '../../proxy/core/address.js';
import { decideAddresses, decideHost, type Policy, type Question, type Rule } from '../../proxy/core/policy.js';
import { type RuleSection, ruleId } from '../../proxy/core/rule.js';
import { parseAuthority, parseHostPattern } from '../../proxy/core/target.js';

export interface RuleText {
  readonly name?: string;
  readonly host?: string;
  readonly address?: string;
  readonly ports?: readonly (number | readonly [from: number, to: number])[];
  readonly clients?: readonly string[];
}

export interface PolicyText {
  readonly mode?: Policy['mode'];
  readonly default?: Policy['default'];
  readonly deny?: readonly RuleText[];
  readonly internal?: readonly RuleText[];
  readonly allow?: readonly RuleText[];
  readonly nat64?: readonly string[];
  readonly private?: readonly string[];
  /** Clients that have a default or a mode of their own. */
  readonly clients?: Readonly<Record<string, Partial<Pick<Policy, 'default' | 'mode'>>>>;
}

export interface Asker {
  readonly client?: string;
  readonly ownAddresses?: readonly string[];
  /** Prefixes of the host around the proxy. */
  readonly host?: readonly string[];
  readonly ownPorts?: readonly number[];
  readonly apiServer?: string;
}

/** The rule that allowed, or reason and rule of the refusal: `allow default`, `deny address-prohibited special:10.0.0.0/8`. */
export type Outcome = string;

export type Case = readonly [
  behaviour: string,
  policy: PolicyText,
  authority: string,
  answer: readonly string[],
  outcome: Outcome,
  asker?: Asker,
];

export function runCases(area: string, cases: readonly Case[]): void {
  for (const [behaviour, policy, authority, answer, outcome, asker] of cases) {
    test(`${area}: ${behaviour}: ${authority} is ${outcome}`, () => {
      assert.equal(decide(policy, authority, answer, asker), outcome);
    });
  }
}

export function policyOf(text: PolicyText): Policy {
  const forAll = closedPolicy({
    mode: text.mode ?? 'enforce',
    default: text.default ?? 'public',
    sni: 'log',
    deny: rules('deny', text.deny),
    internal: rules('internal', text.internal),
    allow: rules('allow', text.allow),
    nat64: (text.nat64 ?? []).map(prefixOf),
    private: (text.private ?? []).map(prefixOf),
  });
  const apart = Object.entries(text.clients ?? {}).map(([name, own]): [string, Policy] => [
    name,
    { ...forAll, ...own },
  ]);
  return { ...forAll, perClient: new Map(apart) };
}

export function questionOf(authority: string, asker: Asker = {}): Question {
  const parsed = parseAuthority(authority);
  assert.ok(parsed.ok, authority);
  return {
    target: parsed.value,
    client: { name: asker.client ?? null },
    own: {
      addresses: (asker.ownAddresses ?? []).map(addressOf),
      ports: new Set(asker.ownPorts ?? []),
      host: (asker.host ?? []).map(prefixOf),
      apiServer: asker.apiServer === undefined ? null : addressOf(asker.apiServer),
    },
  };
}

/** Both decisions of a request, as a door takes them; `answer` is what DNS says for a name. */
export function decide(text: PolicyText, authority: string, answer: readonly string[], asker: Asker = {}): Outcome {
  const policy = policyOf(text);
  const question = questionOf(authority, asker);
  const early = decideHost(policy, question);
  if (early !== null) return `deny ${early.reason} ${early.rule ?? '-'}`;
  const { host } = question.target;
  const addresses = host.kind === 'literal' ? [host.address] : answer.map(addressOf);
  const verdict = decideAddresses(policy, question, addresses);
  if (verdict.outcome === 'deny') return `deny ${verdict.reason} ${verdict.rule ?? '-'}`;
  const noted = verdict.wouldDeny;
  return `allow ${verdict.permit.rule}${noted === null ? '' : ` but ${noted.reason} ${noted.rule ?? '-'}`}`;
}

export function addressOf(text: string): Address {
  const address = parseAddress(text);
  assert.ok(address !== null, text);
  return address;
}

function rules(list: RuleSection, texts: readonly RuleText[] = []): Rule[] {
  return texts.map((text, index) => ({
    id: ruleId(list, index, text.name ?? null),
    host: text.host === undefined ? null : patternOf(text.host),
    address: text.address === undefined ? null : prefixOf(text.address),
    ports: text.ports?.map((port) => (typeof port === 'number' ? { from: port, to: port } : rangeOf(port))) ?? null,
    clients: text.clients === undefined ? null : new Set(text.clients),
  }));
}

function rangeOf([from, to]: readonly [from: number, to: number]): { from: number; to: number } {
  return { from, to };
}

function patternOf(text: string): NonNullable<Rule['host']> {
  const pattern = parseHostPattern(text);
  assert.ok(pattern !== null, text);
  return pattern;
}

function prefixOf(text: string): NonNullable<Rule['address']> {
  const prefix = parsePrefix(text);
  assert.ok(prefix !== null, text);
  return prefix;
}
