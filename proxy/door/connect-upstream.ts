/** Admission and dialling as one step, for doors that open a tunnel. */
import type { Socket } from 'node:net';
import type { Address } from '../core/address.js';
import type { Denial, Permit, Policy, Verdict } from '../core/policy.js';
import { reasonOf } from '../core/reasons.js';
import { type Refusal, refusal } from '../core/refusal.js';
import type { Target } from '../core/target.js';
import { dial } from './admit.js';
import type { Admitted } from './admit-or-ask.js';
import type { Arrivals } from './arrivals.js';
import type { Loss } from './closing.js';
import type { EarlyData } from './early-data.js';
import { type Flow, type Trace, traceOf } from './flow.js';
import type { Soon } from './soon.js';
import type { Standing } from './standings.js';

type Allowed = Extract<Verdict, { readonly outcome: 'allow' }>;

export interface Connected {
  readonly open: true;
  readonly socket: Socket;
  readonly permit: Permit;
  readonly wouldDeny: Denial | null;
  /** Allowed by a grant for one request, used by this one. */
  readonly once: boolean;
  readonly trace: Trace;
}

export type UpstreamResult = Connected | { readonly open: false; readonly refusal: Refusal; readonly trace: Trace };

/** A client that waits for its tunnel. */
export interface Waiting {
  /** Aborts when it is lost. */
  readonly gone: Loss;
  /** What it sends meanwhile: if there is no memory for it, the answer is `busy`. */
  readonly early?: EarlyData;
  /** A last look at the permit before anything is dialled. */
  readonly inspect?: (permit: Permit) => Refusal | null;
  /** That of a fixed destination; absent: the policy in force. */
  readonly policy?: Policy | null | undefined;
}

/**
 * Target to connected socket; the door answers and records, whether it opens or not. What is refused without asking DNS
 * is refused at once. Never throws or rejects.
 */
export function connectUpstream(
  arrivals: Arrivals,
  flow: Flow,
  target: Target,
  waiting: Waiting,
): Soon<UpstreamResult> {
  const { gone, early } = waiting;
  early?.whenRefused(() => gone.abort());
  early?.whenFull(() => gone.unread.abort());
  return new Attempt(arrivals, flow, target, waiting).admit();
}

/** One request, from its target to its connection. */
class Attempt {
  readonly #arrivals: Arrivals;
  readonly #flow: Flow;
  readonly #waiting: Waiting;
  readonly #trace: ReturnType<typeof traceOf>;
  readonly #target: Target;

  constructor(arrivals: Arrivals, flow: Flow, target: Target, waiting: Waiting) {
    this.#arrivals = arrivals;
    this.#flow = flow;
    this.#target = target;
    this.#waiting = waiting;
    this.#trace = traceOf(target);
  }

  admit(): Soon<UpstreamResult> {
    try {
      const admitting = this.#arrivals.admit(this.#flow, this.#target, this.#waiting.gone);
      if (!(admitting instanceof Promise)) return this.#judge(admitting);
      return admitting.then((admitted) => this.#judge(admitted)).catch((error) => this.#failed(error));
    } catch (error) {
      return this.#failed(error);
    }
  }

  #judge({ verdict, addresses, dnsMs, once = false }: Admitted): Soon<UpstreamResult> {
    const { inspect, policy = null } = this.#waiting;
    this.#trace.addresses = addresses;
    this.#trace.dnsMs = dnsMs;
    if (verdict.outcome === 'deny') return this.#refused(verdict);
    if (verdict.outcome === 'fail') return this.#failed(verdict.error);
    const { permit } = verdict;
    // DNS or a person may have taken a while: what is forbidden by now is not dialled.
    const standing = { permit, once, dialed: null, policy };
    const objection = inspect?.(permit) ?? this.#arrivals.standings.objection(this.#flow, standing);
    return objection === null ? this.#dial(verdict, standing) : this.#refused(objection);
  }

  async #dial({ permit, wouldDeny }: Allowed, standing: Standing): Promise<UpstreamResult> {
    const trace = this.#trace;
    const dialed = await dial(this.#arrivals.gate, permit, this.#waiting.gone);
    trace.connectMs = dialed.ms;
    if (!dialed.ok) return this.#failed(dialed.error);
    const { socket, address } = dialed;
    trace.dialed = address;
    const { once } = standing;
    const objection = this.#lateObjection(standing, address);
    if (objection === null) return { open: true, socket, permit, wouldDeny, once, trace };
    socket.destroy();
    return this.#refused(objection);
  }

  /** The dial takes time as well: if it is forbidden by now, not even the client's early data may leave. */
  #lateObjection(standing: Standing, dialed: Address): Refusal | null {
    if (this.#waiting.early?.isRefused === true) return refusal('busy');
    try {
      return this.#arrivals.standings.objection(this.#flow, { ...standing, dialed });
    } catch (error) {
      return refusalOf(this.#arrivals, error);
    }
  }

  #failed(error: unknown): UpstreamResult {
    return this.#refused(refusalOf(this.#arrivals, error));
  }

  #refused(why: Refusal): UpstreamResult {
    const isCut = this.#waiting.early?.isRefused === true;
    return { open: false, refusal: isCut ? refusal('busy') : why, trace: this.#trace };
  }
}

/** `policy`: that of a fixed destination; null: the one in force. */
export function standingOf({ permit, once, trace }: Connected, policy: Policy | null): Standing {
  return { permit, once, dialed: trace.dialed, policy };
}

/** The refusal for something thrown; a defect of the proxy is reported, and ends as `internal-error`. */
export function refusalOf(arrivals: Arrivals, error: unknown): Refusal {
  const reason = reasonOf(error);
  if (reason === 'internal-error') arrivals.onDefect(error);
  return refusal(reason);
}
