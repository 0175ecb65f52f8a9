/** Admission and dialling as one step, for doors that open a tunnel. */
import type { Denial, Permit } from '../core/policy.js';
import { reasonOf } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import type { Abortable } from '../net/abort.js';
import type { Dialed } from '../net/dialer.js';
import { admit, dial } from './admit.js';
import type { Doorway } from './arrivals.js';
import type { Early } from './early-data.js';
import type { Attempt } from './flow.js';

export type Passage =
  | { readonly open: true; readonly dialed: Dialed; readonly permit: Permit; readonly wouldDeny: Denial | null }
  | { readonly open: false; readonly refusal: Refusal };

/** Target to connected socket; the door answers and records, be it open or closed. Never rejects. */
export async function openPassage(
  doorway: Doorway,
  attempt: Attempt,
  target: Target,
  signal: Abortable,
): Promise<Passage> {
  try {
    const verdict = await admit(doorway.gate, attempt, target, signal);
    if (verdict.outcome === 'deny') return { open: false, refusal: verdict };
    const dialed = await dial(doorway.gate, attempt, verdict.permit, signal);
    return { open: true, dialed, permit: verdict.permit, wouldDeny: verdict.wouldDeny };
  } catch (error) {
    return { open: false, refusal: refusalOf(doorway, error) };
  }
}

export interface Waiting {
  readonly gone: { readonly signal: Abortable; abort(): void; release(): void };
  /** What the client sends meanwhile. */
  readonly early: Early;
}

/** As `openPassage`, for a client that waits and may send: `busy` where there is no memory for what it sends. */
export async function openWhileWaiting(
  doorway: Doorway,
  attempt: Attempt,
  target: Target,
  { gone, early }: Waiting,
): Promise<Passage> {
  let isFull = false;
  early.whenRefused(() => {
    isFull = true;
    gone.abort();
  });
  const passage = await openPassage(doorway, attempt, target, gone.signal);
  gone.release();
  if (!isFull) return passage;
  if (passage.open) passage.dialed.socket.destroy();
  return { open: false, refusal: refusal('busy') };
}

/** The refusal for something thrown; a defect of ours is reported, and ends as `internal-error`. */
export function refusalOf(doorway: Doorway, error: unknown): Refusal {
  const reason = reasonOf(error);
  if (reason === 'internal-error') doorway.onDefect(error);
  return refusal(reason);
}
