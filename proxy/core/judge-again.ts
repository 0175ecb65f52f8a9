/** What the policy says now of a connection that it has allowed before. */
import type { Address } from './address.js';
import { judgeAddress, judgeUnresolved, type Policy, policyFor } from './judge.js';
import { decideHost } from './policy.js';
import type { DenyReason } from './reasons.js';
import type { Denial } from './refusal.js';
import type { Question } from './rule.js';
import { isNever } from './rule-id.js';

export interface Standing {
  /** The one that was dialled; those that were vetted, where a parent proxy picks one; null where only it knows them. */
  readonly addresses: readonly Address[] | null;
  /** Allowed by a grant for one request, which is that one's until it ends. */
  readonly once: boolean;
}

/**
 * Null where the connection stays. In mode `report` it always does, as long as it is not "never" and nobody is paused.
 * Makes no Permit: nothing is to be dialled.
 */
export function judgeAgain(of: Policy, question: Question, { addresses, once }: Standing): Denial | null {
  const ends = (denial: Denial | null): denial is Denial => denial !== null && !(once && isLack(denial));
  const ofName = decideHost(of, question);
  if (ends(ofName)) return ofName;
  return ofDestination(policyFor(of, question.client), question, addresses).find(ends) ?? null;
}

/** What a grant for one request stood in for: that no rule allows it. */
function isLack({ reason, rule }: Denial): boolean {
  return LACKS_RULE.has(reason) && !isNever(rule);
}

const LACKS_RULE: ReadonlySet<DenyReason> = new Set<DenyReason>([
  'host-not-allowed',
  'port-not-allowed',
  'not-yet-allowed',
  'address-prohibited',
  'address-not-confirmed',
]);

function ofDestination(policy: Policy, question: Question, addresses: readonly Address[] | null): readonly Denial[] {
  if (addresses !== null) {
    const judgements = addresses.map((address) => judgeAddress(policy, question, address));
    return judgements.flatMap((judgement) => (judgement.allowed ? [] : [judgement.denial]));
  }
  const { host } = question.target;
  if (host.kind === 'literal') return [];
  const judged = judgeUnresolved(policy, question, host.name);
  return typeof judged === 'string' ? [] : [judged];
}
