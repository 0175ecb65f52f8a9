/** What the policy says now of a connection that it has allowed before. */
import type { Address } from './address.js';
import { judgeAddress, judgeUnresolved, type Policy, policyFor } from './judge.js';
import { decideHost } from './policy.js';
import type { DenyReason } from './reasons.js';
import type { Denial } from './refusal.js';
import type { Question } from './rule.js';

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
  const denial = decideHost(of, question) ?? ofDestination(policyFor(of, question.client), question, addresses);
  return denial !== null && once && LACKS_RULE.has(denial.reason) ? null : denial;
}

/** What a grant for one request stood in for. */
const LACKS_RULE: ReadonlySet<DenyReason> = new Set<DenyReason>([
  'host-not-allowed',
  'port-not-allowed',
  'not-yet-allowed',
  'address-prohibited',
]);

function ofDestination(policy: Policy, question: Question, addresses: readonly Address[] | null): Denial | null {
  for (const address of addresses ?? []) {
    const judgement = judgeAddress(policy, question, address);
    if (!judgement.allowed) return judgement.denial;
  }
  if (addresses !== null) return null;
  const { host } = question.target;
  if (host.kind === 'literal') return null;
  const judged = judgeUnresolved(policy, question, host.name);
  return typeof judged === 'string' ? null : judged;
}
