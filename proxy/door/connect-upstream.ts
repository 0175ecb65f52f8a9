/** Admission and dialling as one step, for doors that open a tunnel. */
import type { Socket } from 'node:net';
import type { Denial, Permit } from '../core/policy.js';
import { reasonOf } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import type { Abortable } from '../net/abort.js';
import { dial } from './admit.js';
import type { Arrivals } from './arrivals.js';
import type { EarlyData } from './early-data.js';
import { EMPTY_TRACE, type Flow, type Trace } from './flow.js';
import type { Standing } from './standings.js';

export interface Connected {
  readonly open: true;
  readonly socket: Socket;
  readonly permit: Permit;
  readonly wouldDeny: Denial | null;
  /** By a grant for one request, which is this one. */
  readonly once: boolean;
  readonly trace: Trace;
}

export type UpstreamResult = Connected | { readonly open: false; readonly refusal: Refusal; readonly trace: Trace };

/**
 * Target to connected socket; the door answers and records, be it open or closed. `inspect`: a last look at the permit
 * before anything is dialled. Never rejects.
 */
export async function connectUpstream(
  arrivals: Arrivals,
  flow: Flow,
  target: Target,
  signal: Abortable,
  inspect: (permit: Permit) => Refusal | null = () => null,
): Promise<UpstreamResult> {
  let trace: Trace = { ...EMPTY_TRACE, target };
  try {
    const { verdict, addresses, dnsMs, once = false } = await arrivals.admit(flow, target, signal);
    trace = { ...trace, addresses, dnsMs };
    if (verdict.outcome === 'deny') return { open: false, refusal: verdict, trace };
    if (verdict.outcome === 'fail') throw verdict.error;
    const { permit, wouldDeny } = verdict;
    const objection = inspect(permit);
    if (objection !== null) return { open: false, refusal: objection, trace };
    const dialed = await dial(arrivals.gate, permit, signal);
    trace = { ...trace, connectMs: dialed.ms };
    if (!dialed.ok) throw dialed.error;
    const { socket, address } = dialed;
    return { open: true, socket, permit, wouldDeny, once, trace: { ...trace, dialed: address } };
  } catch (error) {
    return { open: false, refusal: refusalOf(arrivals, error), trace };
  }
}

export function standingOf({ permit, once, trace }: Connected): Standing {
  return { permit, once, dialed: trace.dialed };
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
  if (upstream.open) upstream.socket.destroy();
  return { open: false, refusal: refusal('busy'), trace: upstream.trace };
}

/** The refusal for something thrown; a defect of the proxy is reported, and ends as `internal-error`. */
export function refusalOf(arrivals: Arrivals, error: unknown): Refusal {
  const reason = reasonOf(error);
  if (reason === 'internal-error') arrivals.onDefect(error);
  return refusal(reason);
}
