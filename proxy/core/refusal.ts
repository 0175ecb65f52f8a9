/** Why a request is refused, or failed: one type from the policy to the last byte of the answer. */
import type { DenyReason, Reason } from './reasons.js';
import type { RuleId } from './rule.js';

export interface Refusal<R extends Reason = Reason> {
  readonly reason: R;
  readonly rule: RuleId | null;
  /** What the prohibited address or name is, for the explanation; null where the reason says it all. */
  readonly what: string | null;
}

/** A refusal in which the destination had no part: by the policy, or for a fault of the request. */
export type Denial = Refusal<DenyReason>;

/** `rule` and `what`: null if there is none. */
export function refusal<R extends Reason>(
  reason: R,
  rule: RuleId | null = null,
  what: string | null = null,
): Refusal<R> {
  return { reason, rule, what };
}
