/** What would happen to a target: the same functions as for a request, without the dial. */
import { type CheckResult, explanation } from '../core/explain.js';
import { policyFor, type Refusal } from '../core/policy.js';
import { EgressError, REASONS, type Reason, reasonOf } from '../core/reasons.js';
import { placeInFile, type RuleId } from '../core/rule-id.js';
import { hostText, type Parsed, parseAbsolute, parseAuthority, type Target } from '../core/target.js';
import type { Gate } from './admit.js';
import { admit } from './admit.js';
import type { Settings } from './arrivals.js';
import { Flow } from './flow.js';

/** Thrown where the question itself is wrong: a client that the configuration does not name. */
export class UnknownClientError extends Error {}

/** `text`: `http://host/path`, `https://…` or `host:port`. Resolves, never dials, and leaves no record. */
export async function check(
  gate: Gate,
  settings: Settings,
  text: string,
  clientName: string | null,
): Promise<CheckResult> {
  if (clientName !== null && !settings.clients.some(({ name }) => name === clientName)) {
    throw new UnknownClientError(`no client named ${JSON.stringify(clientName)} is configured`);
  }
  const flow = new Flow({
    id: 'check',
    door: 'connect',
    client: { address: '', name: clientName, label: null, couldBe: clientName === null ? tokenHolders(settings) : [] },
    method: null,
    policy: policyFor(settings.policy, { name: clientName }),
    sink: { decision: () => undefined, closed: () => undefined },
  });
  const target = parseCheckTarget(text);
  if (!target.ok) return refused(flow, { reason: target.reason, rule: null, what: null });
  try {
    const verdict = await admit(gate, flow, target.value, new AbortController().signal);
    if (verdict.outcome === 'deny') return refused(flow, verdict);
    return allowed(flow, verdict.permit.rule, verdict.wouldDeny);
  } catch (error) {
    if (!(error instanceof EgressError)) throw error;
    return refused(flow, { reason: reasonOf(error), rule: null, what: null });
  }
}

function tokenHolders({ clients }: Settings): readonly string[] {
  return clients.filter(({ token }) => token !== null).map(({ name }) => name);
}

function parseCheckTarget(text: string): Parsed<Target> {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return parseAuthority(text);
  const absolute = parseAbsolute(text);
  return absolute.ok ? { ok: true, value: absolute.value.target } : absolute;
}

function allowed(flow: Flow, rule: RuleId, wouldDeny: Refusal | null): CheckResult {
  const addresses = flow.addresses.map(({ text }) => text);
  const says =
    wouldDeny === null ? `Allowed by ${ruleName(rule)}.` : `Let through in mode report; ${sentence(flow, wouldDeny)}`;
  return {
    ...subject(flow),
    outcome: 'allow',
    reason: wouldDeny?.reason ?? null,
    status: null,
    rule: wouldDeny?.rule ?? rule,
    addresses,
    explanation: says,
  };
}

function refused(flow: Flow, refusal: { reason: Reason; rule: RuleId | null; what: string | null }): CheckResult {
  const { outcome, status } = REASONS[refusal.reason];
  const addresses = flow.addresses.map(({ text }) => text);
  const { reason, rule } = refusal;
  return { ...subject(flow), outcome, reason, status, rule, addresses, explanation: sentence(flow, refusal) };
}

function subject({ target }: Flow): { host: string | null; port: number | null } {
  return { host: target === null ? null : hostText(target.host), port: target?.port ?? null };
}

function sentence(flow: Flow, refusal: { reason: Reason; rule: RuleId | null; what: string | null }): string {
  const addresses = flow.addresses.map(({ text }) => text);
  return explanation({ ...refusal, target: flow.target, addresses });
}

function ruleName(rule: RuleId): string {
  return rule === 'default' ? 'the default: public' : `rule ${placeInFile(rule) ?? rule}`;
}
