/** Admission and dialling as one step, for doors that open a tunnel. */
import type { Denial, Permit } from '../core/policy.js';
import { reasonOf } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import type { Abortable } from '../net/abort.js';
import type { Dialed } from '../net/dialer.js';
import { admit, dial } from './admit.js';
import type { Arrivals } from './arrivals.js';
import type { EarlyData } from './early-data.js';
import type { Flow } from './flow.js';

export type UpstreamResult =
  | { readonly open: true; readonly dialed: Dialed; readonly permit: Permit; readonly wouldDeny: Denial | null }
  | { readonly open: false; readonly refusal: Refusal };

/** Target to connected socket; the door answers and records, be it open or closed. Never rejects. */
export async function connectUpstream(
  arrivals: Arrivals,
  flow: Flow,
  target: Target,
  signal: Abortable,
): Promise<UpstreamResult> {
  try {
    const verdict = await admit(arrivals.gate, flow, target, signal);
    if (verdict.outcome === 'deny') return { open: false, refusal: verdict };
    const dialed = await dial(arrivals.gate, flow, verdict.permit, signal);
    return { open: true, dialed, permit: verdict.permit, wouldDeny: verdict.wouldDeny };
  } catch (error) {
    return { open: false, refusal: refusalOf(arrivals, error) };
  }
}

export interface Waiting {
  readonly gone: { readonly signal: Abortable; abort(): void; release(): void };
  /** What the client sends meanwhile. */
  readonly early: EarlyData;
}

/** As `connectUpstream`, for a client that waits and may send: `busy` where there is no memory for what it sends. */
export async function connectWhileWaiting(
  arrivals: Arrivals,
  flow: Flow,
  target: Target,
  { gone, early }: Waiting,
): Promise<UpstreamResult> {
  let isFull = false;
  early.whenRefused(() => {
    isFull = true;
    gone.abort();
  });
  const upstream = await connectUpstream(arrivals, flow, target, gone.signal);
  gone.release();
  if (!isFull) return upstream;
  if (upstream.open) upstream.dialed.socket.destroy();
  return { open: false, refusal: refusal('busy') };
}

/** The refusal for something thrown; a defect of ours is reported, and ends as `internal-error`. */
export function refusalOf(arrivals: Arrivals, error: unknown): Refusal {
  const reason = reasonOf(error);
  if (reason === 'internal-error') arrivals.onDefect(error);
  return refusal(reason);
}
