/** Admission and dialling as one step, for doors that open a tunnel. */
import type { Socket } from 'node:net';
import type { Denial, Permit, Policy } from '../core/policy.js';
import { reasonOf } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import { dial } from './admit.js';
import type { Arrivals } from './arrivals.js';
import type { Loss } from './closing.js';
import type { EarlyData } from './early-data.js';
import { type Flow, type Trace, traceOf } from './flow.js';
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

/** A client that waits for its tunnel. */
export interface Waiting {
  /** Its loss. */
  readonly gone: Loss;
  /** What it sends meanwhile: where there is no memory for it, the answer is `busy`. */
  readonly early?: EarlyData;
  /** A last look at the permit before anything is dialled. */
  readonly inspect?: (permit: Permit) => Refusal | null;
  /** Of a fixed destination; absent: the policy in force. */
  readonly policy?: Policy | null | undefined;
}

/** Target to connected socket; the door answers and records, be it open or closed. Never rejects. */
export async function connectUpstream(
  arrivals: Arrivals,
  flow: Flow,
  target: Target,
  { gone, early, inspect, policy = null }: Waiting,
): Promise<UpstreamResult> {
  const trace = traceOf(target);
  const refused = (why: Refusal): UpstreamResult => ({
    open: false,
    refusal: early?.isRefused === true ? refusal('busy') : why,
    trace,
  });
  early?.whenRefused(() => gone.abort());
  early?.whenFull(() => gone.unread.abort());
  try {
    const admitting = arrivals.admit(flow, target, gone);
    const { verdict, addresses, dnsMs, once = false } = admitting instanceof Promise ? await admitting : admitting;
    trace.addresses = addresses;
    trace.dnsMs = dnsMs;
    if (verdict.outcome === 'deny') return refused(verdict);
    if (verdict.outcome === 'fail') return refused(refusalOf(arrivals, verdict.error));
    const { permit, wouldDeny } = verdict;
    // DNS or a person may have taken their time: what is forbidden by now is not dialled.
    const standing = { permit, once, dialed: null, policy };
    const objection = inspect?.(permit) ?? arrivals.standings.objection(flow, standing);
    if (objection !== null) return refused(objection);
    const dialed = await dial(arrivals.gate, permit, gone);
    trace.connectMs = dialed.ms;
    if (!dialed.ok) return refused(refusalOf(arrivals, dialed.error));
    const { socket, address } = dialed;
    trace.dialed = address;
    if (early?.isRefused !== true) return { open: true, socket, permit, wouldDeny, once, trace };
    socket.destroy();
    return refused(refusal('busy'));
  } catch (error) {
    return refused(refusalOf(arrivals, error));
  }
}

/** `policy`: of a fixed destination; null: the one in force. */
export function standingOf({ permit, once, trace }: Connected, policy: Policy | null): Standing {
  return { permit, once, dialed: trace.dialed, policy };
}

/** The refusal for something thrown; a defect of the proxy is reported, and ends as `internal-error`. */
export function refusalOf(arrivals: Arrivals, error: unknown): Refusal {
  const reason = reasonOf(error);
  if (reason === 'internal-error') arrivals.onDefect(error);
  return refusal(reason);
}
