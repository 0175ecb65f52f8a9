/** What would happen to a target: the same functions as for a request, without the dial. */
import type { Config } from '../config/config.js';
import { type CheckResult, inWords } from '../core/explain.js';
import { policyFor, type Refusal } from '../core/policy.js';
import { EgressError, REASONS } from '../core/reasons.js';
import { refusal } from '../core/refusal.js';
import { placeInFile, type RuleId } from '../core/rule.js';
import { hostText, type Parsed, parseAbsolute, parseAuthority, type Target } from '../core/target.js';
import { Abort } from '../net/abort.js';
import { admit, type Gate } from './admit.js';

/** Thrown if the question itself is wrong: it names a client that the configuration does not have. */
export class UnknownClientError extends Error {}

/** `text`: `http://host/path`, `https://…` or `host:port`. Resolves, never dials, and leaves no record. */
export async function check(
  gate: Gate,
  settings: Pick<Config, 'policy' | 'clients'>,
  text: string,
  clientName: string | null,
): Promise<CheckResult> {
  if (clientName !== null && !settings.clients.some(({ name }) => name === clientName)) {
    throw new UnknownClientError(`no client named ${JSON.stringify(clientName)} is configured`);
  }
  const parsed = parseCheckTarget(text);
  if (!parsed.ok) return refused(null, [], refusal(parsed.reason));
  const target = parsed.value;
  const couldBe = clientName === null ? tokenHolders(settings) : [];
  const applicant = {
    client: { address: '', name: clientName, label: null, couldBe },
    policy: policyFor(settings.policy, { name: clientName }),
  };
  const { verdict, addresses } = await admit(gate, applicant, target, { lost: new Abort() });
  const texts = addresses.map(({ text }) => text);
  if (verdict.outcome === 'allow') return allowed(target, texts, verdict.permit.rule, verdict.wouldDeny);
  if (verdict.outcome === 'deny') return refused(target, texts, verdict);
  if (!(verdict.error instanceof EgressError)) throw verdict.error;
  return refused(target, texts, refusal(verdict.error.reason));
}

function tokenHolders({ clients }: Pick<Config, 'clients'>): readonly string[] {
  return clients.filter(({ token }) => token !== null).map(({ name }) => name);
}

function parseCheckTarget(text: string): Parsed<Target> {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return parseAuthority(text);
  const absolute = parseAbsolute(text);
  return absolute.ok ? { ok: true, value: absolute.value.target } : absolute;
}

function allowed(target: Target, addresses: readonly string[], rule: RuleId, wouldDeny: Refusal | null): CheckResult {
  const says =
    wouldDeny === null
      ? `Allowed by ${ruleName(rule)}.`
      : `Let through in mode report; ${inWords({ ...wouldDeny, target, addresses }).explanation}`;
  return {
    ...subject(target),
    outcome: 'allow',
    reason: wouldDeny?.reason ?? null,
    status: null,
    rule: wouldDeny?.rule ?? rule,
    addresses,
    explanation: says,
  };
}

function refused(target: Target | null, addresses: readonly string[], refusal: Refusal): CheckResult {
  const { reason, rule } = refusal;
  const { outcome, status } = REASONS[reason];
  const says = inWords({ ...refusal, target, addresses }).explanation;
  return { ...subject(target), outcome, reason, status, rule, addresses, explanation: says };
}

function subject(target: Target | null): { host: string | null; port: number | null } {
  return { host: target === null ? null : hostText(target.host), port: target?.port ?? null };
}

function ruleName(rule: RuleId): string {
  return rule === 'default' ? 'the default: public' : `rule ${placeInFile(rule) ?? rule}`;
}
