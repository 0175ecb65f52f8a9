/** Admission with what is decided while the proxy runs: a grant for one request is taken, a question is asked. */

import type { Policy } from '../core/policy.js';
import { grantOf } from '../core/rule-id.js';
import { hostText, type Target } from '../core/target.js';
import type { Abortable } from '../net/abort.js';
import { type Admission, admit, type Gate } from './admit.js';
import type { Flow } from './flow.js';
import { type Soon, soon } from './soon.js';

export interface Asking {
  readonly client: { readonly address: string; readonly name: string | null };
  /** The name of the configuration; null: it has none for the client. */
  readonly grantClient: string | null;
  readonly host: string;
  readonly port: number;
  readonly door: string;
  /** The decision. */
  readonly from: string;
}

/** What was decided at run time, for requests. */
export interface RunTimeGate {
  /** Takes the grant for this request. `gone`: it has ended, or another request has taken it. */
  use(grant: string): 'lasting' | 'once' | 'gone';
  /** Null: the request is refused at once. Else resolves when it is worth another look. */
  ask(asking: Asking, signal: Abortable): Promise<void> | null;
}

export interface Admitted extends Admission {
  /** By a grant for one request, which is this one. */
  readonly once?: boolean;
}

export interface AdmitOptions {
  readonly gate: Gate;
  readonly runTime: RunTimeGate | null;
  /** The policy in force now, for this client. */
  readonly policyNow: (flow: Flow) => Policy;
}

/** As `admit`. A flow that was waited for goes on under the policy that is in force then. */
export function admitOrAsk(options: AdmitOptions, flow: Flow, target: Target, signal: Abortable): Soon<Admitted> {
  const { gate, runTime } = options;
  const first = admit(gate, flow, target, signal);
  if (runTime === null) return first;
  return soon<Admission, Admitted>(first, (admission) =>
    isDecidedNow(admission) ? decideNow({ ...options, runTime }, flow, { target, signal, admission }) : admission,
  );
}

interface Deciding {
  readonly target: Target;
  readonly signal: Abortable;
  readonly admission: Admission;
}

async function decideNow(
  options: AdmitOptions & { readonly runTime: RunTimeGate },
  flow: Flow,
  { target, signal, admission }: Deciding,
): Promise<Admitted> {
  const { gate, runTime, policyNow } = options;
  const again = async (): Promise<Admission> => {
    flow.renew(policyNow(flow));
    return admit(gate, flow, target, signal);
  };
  const asked = isQuestion(admission) ? runTime.ask(askingOf(flow, target), signal) : null;
  if (asked !== null) await asked;
  let last = asked === null ? admission : await again();
  // A grant of the snapshot may be gone by now, and the next one, too: each is taken by one request.
  for (;;) {
    const { verdict } = last;
    const grant = verdict.outcome === 'allow' ? grantOf(verdict.permit.rule) : null;
    if (grant === null) return last;
    const used = runTime.use(grant);
    if (used !== 'gone') return { ...last, once: used === 'once' };
    last = await again();
  }
}

function isDecidedNow(admission: Admission): boolean {
  const { verdict } = admission;
  return isQuestion(admission) || (verdict.outcome === 'allow' && grantOf(verdict.permit.rule) !== null);
}

function isQuestion({ verdict }: Admission): boolean {
  return verdict.outcome === 'deny' && verdict.reason === 'not-yet-allowed';
}

function askingOf({ id, door, client }: Flow, { host, port }: Target): Asking {
  const { address, name, label } = client;
  return { client: { address, name: name ?? label }, grantClient: name, host: hostText(host), port, door, from: id };
}
