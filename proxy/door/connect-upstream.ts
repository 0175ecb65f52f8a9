/** Admission and dialling as one step, for doors that open a tunnel. */
import type { Permit, Refusal } from '../core/policy.js';
import { reasonOf } from '../core/reasons.js';
import type { Target } from '../core/target.js';
import type { Ending } from '../http/refusal.js';
import type { Abortable } from '../net/abort.js';
import type { Dialed } from '../net/dialer.js';
import { admit, dial } from './admit.js';
import type { Doorway } from './arrivals.js';
import type { Attempt } from './flow.js';

export type Passage =
  | { readonly open: true; readonly dialed: Dialed; readonly permit: Permit; readonly wouldDeny: Refusal | null }
  | { readonly open: false; readonly ending: Ending };

/** Target to connected socket; the door answers and records, be it open or closed. Never rejects. */
export async function openPassage(
  doorway: Doorway,
  attempt: Attempt,
  target: Target,
  signal: Abortable,
): Promise<Passage> {
  try {
    const verdict = await admit(doorway.gate, attempt, target, signal);
    if (verdict.outcome === 'deny') return { open: false, ending: verdict };
    const dialed = await dial(doorway.gate, attempt, verdict.permit, signal);
    return { open: true, dialed, permit: verdict.permit, wouldDeny: verdict.wouldDeny };
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
