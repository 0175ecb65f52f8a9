/** Admission with run-time decisions: takes a grant for one request, or asks a question. */
import type { Socket } from 'node:net';
import type { Policy } from '../core/policy.js';
import { grantOf } from '../core/rule.js';
import { hostText, type Target } from '../core/target.js';
import { Abort, type Abortable } from '../net/abort.js';
import { type Admission, admit, type Gate, type Patient } from './admit.js';
import type { Flow } from './flow.js';
import type { Soon } from './soon.js';

export interface Asking {
  readonly client: { readonly address: string; readonly name: string | null };
  /** The client's name in the configuration; null: it has none. */
  readonly grantClient: string | null;
  readonly host: string;
  readonly port: number;
  readonly door: string;
  /** The decision. */
  readonly from: string;
}

/** Run-time decisions, as requests need them. */
export interface RunTimeGate {
  /** Uses the grant for this request. `gone`: it has ended, or another request has used it up. */
  use(grant: string): 'lasting' | 'once' | 'gone';
  /** Null: the request is refused at once. Otherwise resolves when it is worth another look. */
  ask(asking: Asking, signal: Abortable): Promise<void> | null;
}

/** The client that waits for the decision. */
export interface Waiter extends Patient {
  readonly socket: Socket;
  /** Aborts when it has sent more than is read while it waits: its loss would then go unnoticed. */
  readonly unread: Abortable;
}

export interface Admitted extends Admission {
  /** Allowed by a grant for one request, used by this one. */
  readonly once?: boolean;
}

export interface AdmitOptions {
  readonly gate: Gate;
  readonly runTime: RunTimeGate | null;
  /** The policy in force now, for this client. */
  readonly policyNow: (flow: Flow) => Policy;
}

/** Like `admit`. A flow that has waited goes on under the policy in force when the wait ends. */
export function admitOrAsk(options: AdmitOptions, flow: Flow, target: Target, waiter: Waiter): Soon<Admitted> {
  const { gate, runTime } = options;
  const admitting = admit(gate, flow, target, waiter);
  if (runTime === null) return admitting;
  if (admitting instanceof Promise)
    return admitting.then((admission) => decided(options, runTime, { flow, target, waiter, admission }));
  const { verdict } = admitting;
  let isOpen = verdict.outcome !== 'allow' && isQuestion(verdict);
  if (verdict.outcome === 'allow') for (const rule of verdict.rules) if (grantOf(rule) !== null) isOpen = true;
  return isOpen ? decided(options, runTime, { flow, target, waiter, admission: admitting }) : admitting;
}

interface Deciding {
  readonly flow: Flow;
  readonly target: Target;
  readonly waiter: Waiter;
  readonly admission: Admission;
}

/** The admission itself unless a grant or a person has to decide. */
async function decided(
  { gate, policyNow }: AdmitOptions,
  runTime: RunTimeGate,
  { flow, target, waiter, admission }: Deciding,
): Promise<Admitted> {
  const again = async (): Promise<Admission> => {
    flow.policy = policyNow(flow);
    return admit(gate, flow, target, waiter);
  };
  const hasWaited = isQuestion(admission.verdict) && (await waits(runTime, askingOf(flow, target), waiter));
  let last = hasWaited ? await again() : admission;
  // A grant in the snapshot may be gone by now, and so may the next one: another request may have used it.
  for (;;) {
    const grants = grantsOf(last);
    if (grants.length === 0) return last;
    const used = grants.map((grant) => runTime.use(grant));
    if (!used.includes('gone')) return { ...last, once: used.includes('once') };
    last = await again();
  }
}

/**
 * True if it is worth another look. A client that has ended its side is not held: it cannot be told from one
 * that has given up, and an answer meant for its next try must not send what it gave up. Nor is one that
 * keeps sending: its end comes after data that nobody reads.
 */
async function waits(runTime: RunTimeGate, asking: Asking, waiter: Waiter): Promise<boolean> {
  const { socket, lost, unread } = waiter;
  const left = new Abort();
  const leave = (): void => left.abort();
  if (lost.aborted || unread.aborted || socket.readableEnded) leave();
  const asked = runTime.ask(asking, left);
  if (asked === null) return false;
  lost.addEventListener('abort', leave);
  unread.addEventListener('abort', leave);
  socket.on('end', leave);
  await asked;
  lost.removeEventListener('abort', leave);
  unread.removeEventListener('abort', leave);
  socket.off('end', leave);
  return true;
}

/** Each address of an answer may need a different grant, or none. */
function grantsOf({ verdict }: Admission): readonly string[] {
  return verdict.outcome === 'allow' ? verdict.rules.flatMap((rule) => grantOf(rule) ?? []) : [];
}

function isQuestion(verdict: Admission['verdict']): boolean {
  return verdict.outcome === 'deny' && verdict.reason === 'not-yet-allowed';
}

function askingOf({ id, door, client }: Flow, { host, port }: Target): Asking {
  const { address, name, label } = client;
  return { client: { address, name: name ?? label }, grantClient: name, host: hostText(host), port, door, from: id };
}
