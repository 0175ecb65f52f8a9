/** What the policy now says of a connection that it allowed before. */
import type { Address } from './address.js';
import { judgeAddress, judgeUnresolved, type Policy, policyFor } from './judge.js';
import { decideHost } from './policy.js';
import type { DenyReason } from './reasons.js';
import type { Denial } from './refusal.js';
import { isNever, type Question } from './rule.js';

export interface Standing {
  /** The address that was dialled, or all that were vetted if a parent proxy chose among them; null where only the parent knows. */
  readonly addresses: readonly Address[] | null;
  /** Allowed by a grant for one request, which holds until that request ends. */
  readonly once: boolean;
}

/**
 * Null where the connection may stay. In mode `report` it may, unless its destination is now "never" or its client paused.
 * Makes no Permit, since nothing is to be dialled.
 */
export function judgeAgain(of: Policy, question: Question, { addresses, once }: Standing): Denial | null {
  const ends = (denial: Denial | null): denial is Denial => denial !== null && !(once && isLack(denial));
  const ofName = decideHost(of, question);
  if (ends(ofName)) return ofName;
  return ofDestination(policyFor(of, question.client), question, addresses).find(ends) ?? null;
}

/** A refusal for lack of a rule, which a grant for one request stands in for. */
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
    const judged = addresses.map((address) => judgeAddress(policy, question, address));
    return judged.filter((one) => one.reason !== null);
  }
  const { host } = question.target;
  if (host.kind === 'literal') return [];
  const judged = judgeUnresolved(policy, question, host.name);
  return typeof judged === 'string' ? [] : [judged];
}
