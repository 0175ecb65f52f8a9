/** Admission and dialling as one step, for doors that open a tunnel. */
import { reasonOf } from '../core/reasons.js';
import type { Target } from '../core/target.js';
import type { Dialed } from '../net/dialer.js';
import { admit, dial } from './admit.js';
import type { Attempt } from './attempt.js';
import type { Doorway } from './doorway.js';
import type { Ending } from './respond.js';

export type Passage =
  | { readonly open: true; readonly dialed: Dialed }
  | { readonly open: false; readonly ending: Ending };

/**
 * Target to connected socket. An open passage has its `allow` record written with `status`; a closed one is left for
 * the door to answer and record. Never rejects.
 */
export async function openPassage(
  doorway: Doorway,
  attempt: Attempt,
  target: Target,
  terms: { readonly signal: AbortSignal; readonly status: number | null },
): Promise<Passage> {
  try {
    const verdict = await admit(doorway.gate, attempt, target, terms.signal);
    if (verdict.outcome === 'deny') return { open: false, ending: verdict };
    const dialed = await dial(doorway.gate, attempt, verdict.permit, terms.signal);
    attempt.allowed(terms.status, verdict.permit.rule, verdict.wouldDeny);
    return { open: true, dialed };
  } catch (error) {
    return { open: false, ending: endingOf(doorway, error) };
  }
}

/** The ending for something thrown; a defect of ours is reported, and ends as `internal-error`. */
export function endingOf(doorway: Doorway, error: unknown): Ending {
  const reason = reasonOf(error);
  if (reason === 'internal-error') doorway.onDefect(error);
  return { reason, rule: null, what: null };
}
